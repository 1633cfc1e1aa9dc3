//! A question to the database about the rows of one dataset, as SQL.
//!
//! Chunks and strays are asked alike; their answers follow each other.

use model::{Column, Dataset, Table};

use crate::columns::{Kind, fields};

/// What is asked of which rows.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    /// Of the database.
    pub(crate) schema: String,
    pub(crate) dataset: Dataset,
    pub(crate) asked: Asked,
    /// All of them hold for the rows in question.
    pub(crate) conditions: Vec<String>,
    /// No more rows than these.
    pub(crate) limit: Option<usize>,
}

/// What an answer says.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// The values at these places of the dataset's schema; without any, how many rows there are.
    Values(Vec<usize>),
    /// What the rows of each group have in common, and what they sum up to. A group may come more than once.
    Groups { keys: Vec<Output>, sums: Vec<Output> },
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// In SQL: two for a time, which is read beside its nanoseconds.
    pub(crate) fields: Vec<String>,
    pub(crate) kind: Kind,
}

impl Output {
    /// A column as it is.
    pub(crate) fn of(column: &Column) -> Self {
        Self { fields: fields(column), kind: Kind::of(column) }
    }
}

impl Select {
    /// What the columns of the answer are, in their order.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        self.outputs().into_iter().map(|output| output.kind).collect()
    }

    /// True when the answer is a number of rows.
    pub(crate) fn counts(&self) -> bool {
        matches!(&self.asked, Asked::Values(places) if places.is_empty())
    }

    /// The statement about the rows for which this holds too.
    pub(crate) fn sql(&self, range: Option<&str>) -> String {
        let fields = self.outputs().into_iter().flat_map(|output| output.fields).collect::<Vec<_>>().join(", ");
        let fields = if fields.is_empty() { "1" } else { &fields };
        let conditions = self.conditions.iter().map(String::as_str).chain(range).collect::<Vec<_>>().join(" AND ");
        let (schema, dataset, groups) = (&self.schema, self.dataset, self.groups());
        let from = |suffix| format!("SELECT {fields} FROM {schema}.{dataset}{suffix} WHERE {conditions}{groups}");
        let limit = self.limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        let rows = match dataset {
            Dataset::Signal(_) => format!("{} UNION ALL {}{limit}", from(""), from("_strays")),
            Dataset::Rollup(_) => format!("{}{limit}", from("")),
        };
        match self.counts() {
            true => format!("SELECT count(*) FROM ({rows}) AS matching"),
            false => rows,
        }
    }

    fn outputs(&self) -> Vec<Output> {
        match &self.asked {
            Asked::Values(places) => {
                let columns = &Table::of(self.dataset).columns;
                places.iter().map(|place| Output::of(&columns[*place])).collect()
            }
            Asked::Groups { keys, sums } => [keys.as_slice(), sums].concat(),
        }
    }

    /// The keys come first and are told by their numbers.
    fn groups(&self) -> String {
        let Asked::Groups { keys, .. } = &self.asked else { return String::new() };
        let fields = keys.iter().map(|key| key.fields.len()).sum();
        match (1..=fields).map(|number: usize| number.to_string()).reduce(|all, next| format!("{all}, {next}")) {
            Some(numbers) => format!(" GROUP BY {numbers}"),
            None => String::new(),
        }
    }
}
