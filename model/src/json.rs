//! What a query and a store agree on about columns of JSON objects.

/// The columns that hold JSON objects: attributes that have no column of their own.
pub const COLUMNS: [&str; 3] = ["attributes", "scope_attributes", "resource_attributes"];

/// The function by which a query tells a scan which members of an object it looks at.
///
/// `only_keys(attributes, 'a', 'b')` may be any object whose members `a` and `b` are those of `attributes`, whatever else it
/// holds. `attributes` itself is one; a store that keeps some members apart may read less for another.
pub const ONLY_KEYS: &str = "only_keys";

/// True for functions that take members out of a JSON object: their first argument is the object, the others lead to a member.
pub fn takes_members(function: &str) -> bool {
    function.starts_with("json_")
}
