//! A tree as a type: what serde can make of it, with the place of whatever it cannot.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, Serialize, Serializer};

use super::{Faults, Key, Node, Place, Value, meant, parse};

/// What asks for the place of a value by this name gets it.
const AT: &str = "yaml::At";

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// Where it begins.
    pub place: Place,
    /// The value.
    pub value: T,
}

impl At<String> {
    /// Where the byte at `offset` of the text stands in the file that it was read from; where the text begins when quotes, escapes or
    /// folds hide it.
    pub fn place_in(&self, file: &str, offset: usize) -> Place {
        let offset = self.value.floor_char_boundary(offset.min(self.value.len()));
        let before = &self.value[..offset];
        let (above, start) = (before.matches('\n').count() as u32, before.rfind('\n').map_or(0, |newline| newline + 1));
        let line = self.value[start..].lines().next().unwrap_or_default();
        let found = file.lines().nth((self.place.line + above) as usize - 1).and_then(|written| {
            // Lines after the first are those of a block, each a whole line of the file.
            let is_whole = if above > 0 { written.trim() == line.trim() } else { written.contains(line) };
            let indent = written.find(line).filter(|_| is_whole && !line.trim().is_empty())?;
            Some(written[..indent].chars().count())
        });
        match found {
            Some(indent) => {
                Place { line: self.place.line + above, column: (indent + before[start..].chars().count() + 1) as u32 }
            }
            None => self.place,
        }
    }
}

/// What the file says, as a type; an empty file has no members. Members that the type does not know are faults and left out; the first
/// value that does not fit is a fault, and the end.
pub fn typed<T: DeserializeOwned>(text: &str, faults: &mut Faults) -> Option<T> {
    let node = parse(text).map_err(|fault| faults.push(fault)).ok()?;
    let told = RefCell::new(std::mem::take(faults));
    let read = T::deserialize(Typed { node: &node, what: "the file", faults: &told });
    *faults = told.into_inner();
    read.map_err(|Misfit { place, problem, remedy }| faults.add(place.unwrap_or(node.place), problem, remedy)).ok()
}

/// What does not fit its type.
#[derive(Debug)]
struct Misfit {
    place: Option<Place>,
    problem: String,
    remedy: String,
}

impl Misfit {
    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self { place: None, problem: message.to_string(), remedy: String::new() }
    }

    fn missing_field(name: &'static str) -> Self {
        Self { place: None, problem: format!("there is no `{name}`"), remedy: format!("write `{name}: …`") }
    }

    fn unknown_variant(written: &str, known: &'static [&'static str]) -> Self {
        let remedy = meant(written, known.iter().copied());
        Self { place: None, problem: format!("`{written}` is none of what may stand here"), remedy }
    }
}

#[derive(Clone, Copy)]
struct Typed<'n, 'a> {
    node: &'n Node<'a>,
    /// The member that it is the value of.
    what: &'n str,
    faults: &'n RefCell<Faults>,
}

impl<'n, 'a> Typed<'n, 'a> {
    fn of(self, node: &'n Node<'a>) -> Self {
        Self { node, ..self }
    }

    /// Never shows the value, which may be a secret.
    fn misfit(self, remedy: &str) -> Misfit {
        let problem = format!("{} is {}", self.what, self.node.kind());
        Misfit { place: Some(self.node.place), problem, remedy: remedy.to_owned() }
    }

    fn text(self) -> Result<&'n str, Misfit> {
        match &self.node.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.misfit("write a text")),
        }
    }

    fn parsed<T: std::str::FromStr>(self, remedy: &str) -> Result<T, Misfit> {
        self.text()?.parse().map_err(|_| self.misfit(remedy))
    }

    fn members(self, known: Option<&'static [&'static str]>) -> Result<Members<'n, 'a>, Misfit> {
        let members = match &self.node.value {
            Value::Nothing => &[][..],
            Value::Members(members) => members,
            _ => return Err(self.misfit("write members, as in `name: value`")),
        };
        if !members.is_empty() {
            let mut faults = self.faults.borrow_mut();
            match known {
                Some(known) => drop(self.node.record(self.what, known, &mut faults)),
                None => drop(self.node.members(self.what, &mut faults)),
            }
        }
        Ok(Members { of: self, known, members: members.iter(), seen: Vec::new(), value: None })
    }
}

impl<'de> Deserializer<'de> for Typed<'_, '_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Nothing => visitor.visit_unit(),
            Value::Text(text) => visitor.visit_str(text),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Members(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_bool(self.parsed("write true or false")?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_u32(self.parsed("write a whole number, not too large")?)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_u16(self.parsed("write a whole number of at most 65535")?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_f64(self.parsed("write a number, as in 0.95")?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.node.value {
            Value::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let items = match &self.node.value {
            Value::Nothing => &[][..],
            Value::List(items) => items,
            _ => return Err(self.misfit("write a list")),
        };
        visitor.visit_seq(Items { of: self, items: items.iter() })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_map(self.members(None)?)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_map(self.members(Some(known))?).map_err(|misfit| misfit.at(self.node.place))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        match name {
            AT => visitor.visit_seq(Placed { of: self, step: 0 }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let text: StrDeserializer<'_, Misfit> = self.text()?.into_deserializer();
        visitor.visit_enum(text)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u64 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

struct Items<'n, 'a> {
    of: Typed<'n, 'a>,
    items: std::slice::Iter<'n, Node<'a>>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(node) = self.items.next() else { return Ok(None) };
        seed.deserialize(self.of.of(node)).map(Some).map_err(|misfit| misfit.at(node.place))
    }
}

struct Members<'n, 'a> {
    of: Typed<'n, 'a>,
    known: Option<&'static [&'static str]>,
    members: std::slice::Iter<'n, (Key, Node<'a>)>,
    /// Those of the known ones that were there.
    seen: Vec<&'n str>,
    value: Option<&'n (Key, Node<'a>)>,
}

impl<'n> Members<'n, '_> {
    /// One that is not known, or there twice, is a fault already, and left out.
    fn is_told(&mut self, name: &'n str) -> bool {
        let Some(known) = self.known else { return false };
        let is_told = !known.contains(&name) || self.seen.contains(&name);
        if !is_told {
            self.seen.push(name);
        }
        is_told
    }
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        while let Some(member) = self.members.next() {
            let (key, _) = member;
            if !self.is_told(&key.name) {
                self.value = Some(member);
                let name: StrDeserializer<'_, Misfit> = key.name.as_str().into_deserializer();
                return seed.deserialize(name).map(Some).map_err(|misfit| misfit.at(key.place));
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let (key, node) = self.value.take().expect("a value is asked for after its name");
        let what = format!("`{}`", key.name);
        let value = Typed { node, what: &what, faults: self.of.faults };
        seed.deserialize(value).map_err(|misfit| misfit.at(node.place))
    }
}

/// Line, column, and the value.
struct Placed<'n, 'a> {
    of: Typed<'n, 'a>,
    step: u8,
}

impl<'de> SeqAccess<'de> for Placed<'_, '_> {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        self.step += 1;
        match self.step {
            1 => seed.deserialize(self.of.node.place.line.into_deserializer()).map(Some),
            2 => seed.deserialize(self.of.node.place.column.into_deserializer()).map(Some),
            _ => seed.deserialize(self.of).map(Some),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(AT, AtVisitor(std::marker::PhantomData))
    }
}

struct AtVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
    type Value = At<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a tree")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<At<T>, A::Error> {
        let none = || de::Error::custom("a value has a place");
        let (line, column) = (parts.next_element()?.ok_or_else(none)?, parts.next_element()?.ok_or_else(none)?);
        Ok(At { place: Place { line, column }, value: parts.next_element()?.ok_or_else(none)? })
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
        Green,
    }

    #[derive(Debug, Deserialize)]
    struct Thing {
        name: At<String>,
        #[serde(default)]
        number: Option<u16>,
        #[serde(default)]
        colours: Vec<Colour>,
        #[serde(default)]
        texts: BTreeMap<String, At<bool>>,
    }

    fn check(text: &str, expected: &[&str]) {
        let mut faults = Faults::default();
        typed::<Thing>(text, &mut faults);
        let told: Vec<_> = faults.told().iter().map(ToString::to_string).collect();
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn values_are_of_their_type_and_know_their_place() {
        let read = |text: &str| typed::<Thing>(text, &mut Faults::default()).expect("a thing");

        let thing = read("name: 1.10\nnumber: 7\ncolours: [red, green]\ntexts:\n  a: true\n");

        assert_eq!((thing.name.value.as_str(), thing.name.place), ("1.10", Place { line: 1, column: 7 }));
        assert!(matches!((thing.number, &thing.colours[..]), (Some(7), [Colour::Red, Colour::Green])));
        assert!(thing.texts["a"].value && thing.texts["a"].place.line == 5);
        let empty = read("name: a\nnumber:\ncolours:\ntexts:\n");
        assert!(empty.number.is_none() && empty.colours.is_empty() && empty.texts.is_empty());
    }

    #[test]
    fn a_place_in_a_text_is_where_the_file_has_it() {
        let check = |file: &str, part: &str, line: u32, column: u32| {
            let thing = typed::<Thing>(file, &mut Faults::default()).expect("a thing");
            let offset = thing.name.value.find(part).expect("the part is in the text");
            assert_eq!(thing.name.place_in(file, offset), Place { line, column }, "{file}");
        };

        check("name: select a, b\n", "b", 1, 17);
        check("name: 'select a, b'\n", "b", 1, 18);
        check("number: 7\nname: |\n  select a\n  from a\n  where b\n", "b", 5, 9);
        check("name: |\n  from a\n  from a\n    where b\n", "b", 4, 11);
        // Folds hide it.
        check("name: >\n  select a,\n  b\n", "b", 2, 3);
    }

    #[test]
    fn unknown_members_are_told_together_with_what_does_not_fit() {
        check(
            "nam: a\nname: b\nname: c\nnumbr: 7\nnumber: [8]\n",
            &[
                "line 1, column 1: the file has no member `nam`; did you mean name?",
                "line 3, column 1: `name` is there twice; keep one of them",
                "line 4, column 1: the file has no member `numbr`; did you mean number?",
                "line 5, column 9: `number` is a list; write a text",
            ],
        );
        check("{}", &["line 1, column 1: there is no `name`; write `name: …`"]);
        check(
            "name: a\nnumber: seven\n",
            &["line 2, column 9: `number` is a text; write a whole number of at most 65535"],
        );
        check(
            "name: a\nnumber: 65536\n",
            &["line 2, column 9: `number` is a text; write a whole number of at most 65535"],
        );
        check(
            "name: a\ncolours: [gren]\n",
            &["line 2, column 11: `gren` is none of what may stand here; did you mean green, red?"],
        );
    }
}
