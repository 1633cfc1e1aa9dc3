//! Makes JSON objects of promoted columns.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Objects whose members are these keys with the values of the columns; NULL is a member that is not there.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Assembled {
    /// What comes before each value: `"key":`.
    names: Vec<String>,
    signature: Signature,
}

impl Assembled {
    pub(super) fn new(keys: &[&str]) -> Self {
        let names = keys.iter().map(|key| format!("{}:", serde_json::Value::from(*key)));
        Self { names: names.collect(), signature: Signature::variadic_any(Volatility::Immutable) }
    }

    /// Objects of rows; one without members is NULL, in which nothing is found either.
    fn objects(&self, columns: &[&StringViewArray], rows: usize) -> StringViewArray {
        let mut objects = StringViewBuilder::with_capacity(rows);
        let mut object = String::new();
        for row in 0..rows {
            object.clear();
            for (name, column) in self.names.iter().zip(columns).filter(|(_, column)| column.is_valid(row)) {
                object.push(if object.is_empty() { '{' } else { ',' });
                object.push_str(name);
                object.push_str(column.value(row));
            }
            match object.is_empty() {
                true => objects.append_null(),
                false => {
                    object.push('}');
                    objects.append_value(&object);
                }
            }
        }
        objects.finish()
    }
}

impl ScalarUDFImpl for Assembled {
    fn name(&self) -> &'static str {
        "assembled"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let columns = arguments.args.into_iter().map(|column| column.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let columns: Vec<&StringViewArray> = columns.iter().map(|column| column.as_string_view()).collect();
        Ok(ColumnarValue::Array(Arc::new(self.objects(&columns, rows))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_the_members_that_are_there() {
        let (a, b) = (["1", r#""x""#, "null"].map(Some), [Some("[]"), None, None]);
        let columns = [
            StringViewArray::from_iter(a.into_iter().chain([None])),
            StringViewArray::from_iter(b.into_iter().chain([None])),
        ];

        let objects = Assembled::new(&["a", "\"b"]).objects(&[&columns[0], &columns[1]], 4);

        let expected = [Some(r#"{"a":1,"\"b":[]}"#), Some(r#"{"a":"x"}"#), Some(r#"{"a":null}"#), None];
        assert_eq!(objects.iter().collect::<Vec<_>>(), expected);
    }
}
