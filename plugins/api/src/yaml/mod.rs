//! YAML as a tree that knows where each of its parts stands, so that all that is wrong with a file can be told at once.
//!
//! Files of products are read through it: from the tree itself, or as a type of their own with [`typed()`].

mod fault;
mod typed;

use std::collections::HashSet;
use std::path::Path;
use std::{fmt, io};

use crate::near::near;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Location, Spanned};

pub use self::fault::{FAULTS_MAX, Fault, Faults, Place, Wrong};
pub use self::typed::{At, typed};

/// Longest file, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most values of a file, and most bytes of them, those that aliases repeat among them.
const NODES_MAX: usize = 250_000;
const TEXT_BYTES_MAX: usize = 8 * FILE_BYTES_MAX;
/// How deep values may stand in each other.
const DEPTH_MAX: usize = 32;

/// What a file says, or why that cannot be read.
pub type Text = Result<String, Fault>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub value: Value<'a>,
    /// As the file has it.
    source: &'a str,
}

/// Numbers and booleans are text, spelled as in the file: a label `1.10` is not `1.1`.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Not there, though its name is.
    Nothing,
    /// A text, a number or a boolean.
    Text(String),
    /// Values in their order.
    List(Vec<Node<'a>>),
    /// Names with values, in the order of the file.
    Members(Vec<(Key, Node<'a>)>),
}

/// The name of a member.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// As it is written.
    pub name: String,
}

/// Reads a file of one document.
pub fn parse(text: &str) -> Result<Node<'_>, Fault> {
    check_size(text.len() as u64)?;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            max_total_scalar_bytes: TEXT_BYTES_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let parsed: Spanned<Parsed> = serde_saphyr::from_str_with_options(text, options).map_err(|error| Fault {
        place: error.location().map_or(Place::TOP, |location| place(&location)),
        problem: told(&error.to_string()),
        remedy: String::new(),
    })?;
    Ok(Node::new(parsed, text))
}

/// Refuses files that are too long.
pub fn check_size(bytes: u64) -> Result<(), Fault> {
    if bytes <= FILE_BYTES_MAX as u64 {
        return Ok(());
    }
    let problem = format!("the file has {bytes} bytes, more than {FILE_BYTES_MAX}");
    Err(Fault { place: Place::TOP, problem, remedy: "split it, or leave something out".to_owned() })
}

/// Reads a file; none when it is not there.
pub fn text_of(path: &Path) -> Option<Text> {
    match read_text(path) {
        Ok(text) => Some(text),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => {
            let remedy = "let the server read the file, as text in UTF-8".to_owned();
            Some(Err(Fault { place: Place::TOP, problem: format!("the file cannot be read: {cause}"), remedy }))
        }
    }
}

fn read_text(path: &Path) -> io::Result<Text> {
    let about = std::fs::metadata(path)?;
    // To read a pipe would wait for who writes.
    if !about.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    match check_size(about.len()) {
        Err(fault) => Ok(Err(fault)),
        Ok(()) => std::fs::read_to_string(path).map(Ok),
    }
}

fn place(location: &Location) -> Place {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Place { line: number(location.line()), column: number(location.column()) }
}

/// The parser ends its messages with the place, which a fault tells itself, and with what its caller could do.
fn told(message: &str) -> String {
    let message = message.split_once(" (defined at line ").map_or(message, |(before, _)| before);
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    let message = message.split_once("; use from_").map_or(message, |(before, _)| before);
    match message.starts_with("budget breached") {
        true => "with what its aliases repeat, the file has too many values, or too deep ones".to_owned(),
        false => format!("this is not YAML: {message}"),
    }
}

impl<'a> Node<'a> {
    fn new(parsed: Spanned<Parsed>, text: &'a str) -> Self {
        let span = parsed.defined.span();
        let (start, len) = (span.byte_offset().unwrap_or(0) as usize, span.byte_len().unwrap_or(0) as usize);
        let source = text.get(start..start + len).unwrap_or_default();
        let value = match parsed.value {
            Parsed::Nothing => Value::Nothing,
            Parsed::Plain => Value::Text(source.to_owned()),
            Parsed::Text(value) => Value::Text(value),
            Parsed::List(items) => Value::List(items.into_iter().map(|item| Node::new(item, text)).collect()),
            Parsed::Members(members) => Value::Members(
                members
                    .into_iter()
                    .map(|(key, value)| (Key { place: place(&key.defined), name: key.value }, Node::new(value, text)))
                    .collect(),
            ),
        };
        Self { place: place(&parsed.defined), value, source }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Nothing => "empty",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Members(_) => "a map",
        }
    }

    /// Where the byte at `offset` of its text stands; where the text begins when quotes, escapes or folds hide it.
    pub fn place_in(&self, offset: usize) -> Place {
        let Value::Text(text) = &self.value else { return self.place };
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let line_start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or_default();
        let mut found = self.source.match_indices(line);
        let (Some((start, _)), None) = (found.next(), found.next()) else { return self.place };
        let before = &self.source[..start];
        let in_line = text[line_start..offset].chars().count();
        let newlines = before.matches('\n').count();
        let column = match before.rfind('\n') {
            Some(newline) => before[newline + 1..].chars().count() + 1,
            None => before.chars().count() + self.place.column as usize,
        };
        Place { line: self.place.line + newlines as u32, column: (column + in_line) as u32 }
    }

    /// The text, which is not empty.
    pub fn text(&self, what: &str, faults: &mut Faults) -> Option<&str> {
        match &self.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            Value::Text(_) | Value::Nothing => {
                faults.add(self.place, format!("{what} is empty"), "write it, or leave the member out");
                None
            }
            _ => {
                faults.add(self.place, format!("{what} is {}", self.kind()), "write a text");
                None
            }
        }
    }

    /// The values of a list.
    pub fn list(&self, what: &str, faults: &mut Faults) -> Option<&[Node<'a>]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => {
                faults.add(self.place, format!("{what} is {}", self.kind()), "write a list");
                None
            }
        }
    }

    /// Names and values; a name that is there twice is a fault.
    pub fn members(&self, what: &str, faults: &mut Faults) -> Option<&[(Key, Node<'a>)]> {
        let Value::Members(members) = &self.value else {
            faults.add(self.place, format!("{what} is {}", self.kind()), "write members, as in `name: value`");
            return None;
        };
        let mut names = HashSet::new();
        for (key, _) in members {
            if !names.insert(key.name.as_str()) {
                faults.add(key.place, format!("`{}` is there twice", key.name), "keep one of them");
            }
        }
        Some(members)
    }

    /// The members of something whose members have the names `known`; others are faults.
    pub fn record(&self, what: &str, known: &[&str], faults: &mut Faults) -> Option<Record<'_, 'a>> {
        let members = self.members(what, faults)?;
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            let remedy = meant(&key.name, known.iter().copied());
            faults.add(key.place, format!("{what} has no member `{}`", key.name), remedy);
        }
        Some(Record { place: self.place, members })
    }
}

/// `did you mean …`, or what there is.
pub fn meant<'a>(written: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let near = near(written, names.clone());
    match near.is_empty() {
        false => format!("did you mean {}?", near.join(", ")),
        true => format!("there is {}", names.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// Members with known names.
#[derive(Clone, Copy, Debug)]
pub struct Record<'n, 'a> {
    /// Where they begin.
    pub place: Place,
    members: &'n [(Key, Node<'a>)],
}

impl<'n, 'a> Record<'n, 'a> {
    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&'n Node<'a>> {
        self.members.iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// The name of a member, with its place.
    pub fn key(&self, name: &str) -> Option<&'n Key> {
        self.members.iter().find(|(key, _)| key.name == name).map(|(key, _)| key)
    }

    /// The text of a member that may be missing.
    pub fn text(&self, name: &str, faults: &mut Faults) -> Option<&'n str> {
        self.get(name)?.text(&format!("`{name}`"), faults)
    }

    /// A member that must be there.
    pub fn required(&self, name: &str, what: &str, faults: &mut Faults) -> Option<&'n Node<'a>> {
        let found = self.get(name);
        if found.is_none() {
            faults.add(self.place, format!("{what} has no `{name}`"), format!("write `{name}: …`"));
        }
        found
    }

    /// What `parse` makes of the text of a member; what it says is the fault.
    pub fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
        faults: &mut Faults,
    ) -> Option<T> {
        let node = self.get(name)?;
        let text = node.text(&format!("`{name}`"), faults)?;
        parse(text).map_err(|wrong| faults.add(node.place_in(wrong.offset), wrong.problem, wrong.remedy)).ok()
    }
}

/// What the parser hands over; the text of plain scalars is read from the file, by their place.
#[derive(Debug)]
enum Parsed {
    Nothing,
    Plain,
    Text(String),
    List(Vec<Spanned<Parsed>>),
    Members(Vec<(Spanned<String>, Spanned<Parsed>)>),
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParsedVisitor)
    }
}

#[derive(Debug)]
struct ParsedVisitor;

impl<'de> Visitor<'de> for ParsedVisitor {
    type Value = Parsed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Parsed, E> {
        Ok(Parsed::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Parsed, E> {
        Ok(Parsed::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Parsed, E> {
        Ok(Parsed::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Parsed, E> {
        Ok(Parsed::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Parsed, E> {
        Ok(Parsed::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Parsed, E> {
        Ok(Parsed::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Parsed, E> {
        Ok(Parsed::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Parsed, E> {
        Ok(Parsed::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Parsed, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Parsed::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Parsed, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        Ok(Parsed::Members(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_text_as_the_file_spells_them() {
        let node = parse("[1.10, true, 0x1F, .inf, 'a b', 123456789012345678901234567890]").expect("YAML");

        let mut faults = Faults::default();
        let items = node.list("it", &mut faults).expect("a list");
        let texts: Vec<_> = items.iter().map(|item| item.text("it", &mut faults).expect("a text").to_owned()).collect();
        assert_eq!(texts, ["1.10", "true", "0x1F", ".inf", "a b", "123456789012345678901234567890"]);
    }

    #[test]
    fn a_place_in_a_text_is_where_the_file_has_it() {
        let check = |yaml: &str, part: &str, line: u32, column: u32| {
            let node = parse(yaml).expect("YAML");
            let mut faults = Faults::default();
            let record = node.record("it", &["a"], &mut faults).expect("members");
            let text = record.text("a", &mut faults).expect("a text");
            let offset = text.find(part).expect("the part is in the text");
            assert_eq!(record.get("a").expect("a").place_in(offset), Place { line, column }, "{yaml}");
        };

        check("a: see {{ x }}\n", "{{", 1, 8);
        check("a: \"see {{ x }}\"\n", "{{", 1, 9);
        check("a: |\n  first\n  see {{ x }}\n", "{{", 3, 7);
        check("a: >\n  first\n  see {{ x }}\n", "{{", 2, 3);
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        let check = |yaml: &str, line: u32| {
            let fault = parse(yaml).expect_err("not YAML");
            assert_eq!(fault.place.line, line, "{fault}");
            assert!(!fault.problem.contains("line"), "{fault}");
        };

        check("a: 1\nb: *nothing\n", 2);
        check("a: 1\n---\nb: 2\n", 3);
        check(&"[".repeat(100), 1);
        check(&"a".repeat(FILE_BYTES_MAX + 1), 1);
        let repeated = format!("a: &a {}\n{}", "x".repeat(FILE_BYTES_MAX / 2), "- *a\n".repeat(20));
        check(&repeated.replacen("a: &a", "- &a", 1), 17);
    }
}
