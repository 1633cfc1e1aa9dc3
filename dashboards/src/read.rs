//! Reads a dashboard: all that is wrong with it is told at once, with line, column and what to do.

mod scalars;

use std::collections::{BTreeMap, BTreeSet};

use plugin::yaml::{At, Fault, Faults, Place, Wrong, meant, typed};

use crate::metric::OWN_NAMES;
use crate::model::{
    Dashboard, DashboardLink, DashboardVariable, Panel, PanelKind, PanelMetric, PanelRow, Threshold, VariableKind,
};
use crate::statement::{GIVEN, IS_ALL, Template};
use crate::times::{DAYS_MAX, SECOND, length};
use crate::written::{
    WrittenDashboard, WrittenLink, WrittenMetric, WrittenPanel, WrittenRow, WrittenThreshold, WrittenVariable,
};

/// Panels of a dashboard.
pub(crate) const PANELS_MAX: usize = 60;
/// Variables of a dashboard.
pub(crate) const VARIABLES_MAX: usize = 20;
/// Values of a variable in the file, and chosen at once.
pub(crate) const VALUES_MAX: usize = 100;
/// Links of a dashboard, and of a panel.
const LINKS_MAX: usize = 20;
/// Tags of a dashboard.
const TAGS_MAX: usize = 20;
/// Thresholds of a panel.
const THRESHOLDS_MAX: usize = 10;
/// Columns that a panel names for its values.
const COLUMNS_MAX: usize = 20;
/// Labels of a metric: that series are told apart by, and that are filtered by.
const LABELS_MAX: usize = 4;
/// Longest name, title, tag, label or unit, in bytes.
const TITLE_BYTES_MAX: usize = 200;
/// Longest value of a variable, address or description, in bytes.
pub(crate) const VALUE_BYTES_MAX: usize = 1024;
/// Longest text of a panel, and longest statement, in bytes.
const TEXT_BYTES_MAX: usize = 32 * 1024;
/// How the name of a variable is written, in as many bytes.
pub(crate) const VARIABLE_NAMES: &str = "use 1 to 32 of a-z, 0-9 and '_', a letter first";
const VARIABLE_BYTES_MAX: usize = 32;
/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 64;
/// Columns of the grid.
const WIDTH: u16 = 12;
/// Height of a row when it is not said, and the greatest.
const HEIGHT: u16 = 6;
const HEIGHT_MAX: u16 = 40;
/// Digits after the point.
const DECIMALS_MAX: u16 = 9;
/// The range when it is not said.
const TIME: &str = "1h";
/// Shortest pause between two refreshes, in seconds.
const REFRESH_SECONDS_MIN: i64 = 5;
/// Addresses of the API have these words in the place of a dashboard's name.
const NOT_NAMES: [&str; 3] = ["check", "queries", "query"];

/// A dashboard, and where in the file it is what can only be checked by asking.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) dashboard: Dashboard,
    /// Of each panel, in order.
    pub(crate) panels: Vec<Spot>,
    /// Of each variable: its statement.
    pub(crate) variables: Vec<Option<At<String>>>,
    pub(crate) name_place: Place,
}

/// Where a panel's statement is, and the columns that it names.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) place: Place,
    pub(crate) sql: Option<At<String>>,
    pub(crate) columns: Vec<At<String>>,
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Result<Read, Vec<Fault>> {
    let mut reader = Reader { text, faults: Faults::default(), names: BTreeSet::new() };
    let Some(written) = typed::<WrittenDashboard>(text, &mut reader.faults) else {
        return Err(reader.faults.told());
    };
    let read = reader.dashboard(&written);
    reader.faults.or(read)
}

/// Reads one panel by itself, which may use these variables.
pub(crate) fn read_panel(text: &str, variables: impl IntoIterator<Item = String>) -> Result<(Panel, Spot), Vec<Fault>> {
    let names = variables.into_iter().collect();
    let mut reader = Reader { text, faults: Faults::default(), names };
    let Some(written) = typed::<At<WrittenPanel>>(text, &mut reader.faults) else {
        return Err(reader.faults.told());
    };
    let panel = reader.panel(&written, &mut BTreeSet::new());
    reader.faults.or(panel)
}

struct Reader<'t> {
    text: &'t str,
    faults: Faults,
    /// Of the variables that were read so far.
    names: BTreeSet<String>,
}

impl Reader<'_> {
    fn dashboard(&mut self, written: &WrittenDashboard) -> Read {
        let name = self.id(&written.name);
        if NOT_NAMES.contains(&name.as_str()) {
            let problem = format!("'{name}' is a word of the API and cannot be a dashboard's name");
            self.faults.add(written.name.place, problem, "name it otherwise");
        }
        self.limit(&written.tags, "tags", TAGS_MAX);
        self.limit(&written.variables, "variables", VARIABLES_MAX);
        let time = written.time.as_ref().and_then(|time| self.length(time, DAYS_MAX * 86_400));
        let refresh = written.refresh.as_ref().and_then(|refresh| self.refresh(refresh));
        let variables: Vec<DashboardVariable> =
            written.variables.iter().map(|variable| self.variable(&variable.value)).collect();
        let (mut ids, mut rows, mut panels) = (BTreeSet::new(), Vec::new(), Vec::new());
        for row in &written.rows {
            rows.push(self.row(row, &mut ids, &mut panels));
        }
        if panels.is_empty() {
            self.faults.add(Place::TOP, "there are no panels", "write `rows:` with `panels:` in them");
        }
        self.faults.limit(Place::TOP, "panels", panels.len(), PANELS_MAX);
        let dashboard = Dashboard {
            name,
            title: self.title(&written.title),
            description: self.optional(written.description.as_ref(), VALUE_BYTES_MAX),
            tags: written.tags.iter().map(|tag| self.title(tag)).collect(),
            time: time.unwrap_or_else(|| TIME.to_owned()),
            refresh,
            variables,
            links: self.links(&written.links),
            rows,
        };
        let variables = written.variables.iter().map(|variable| variable.value.sql.clone()).collect();
        Read { dashboard, panels, variables, name_place: written.name.place }
    }

    fn refresh(&mut self, refresh: &At<String>) -> Option<String> {
        let read = self.length(refresh, 86_400)?;
        if length(&read) < Some(REFRESH_SECONDS_MIN * SECOND) {
            let problem = format!("`refresh` is {read}, less than {REFRESH_SECONDS_MIN}s");
            self.faults.add(refresh.place, problem, "let it be longer");
        }
        Some(read)
    }

    fn variable(&mut self, written: &WrittenVariable) -> DashboardVariable {
        let name = self.variable_name(&written.name);
        self.limit(&written.values, "values", VALUES_MAX);
        self.limit(&written.default, "values chosen at first", if written.multi { VALUES_MAX } else { 1 });
        match (written.kind, &written.sql, written.values.is_empty()) {
            (VariableKind::Query, None, _) => self.missing(&written.name, "sql", "query"),
            (VariableKind::List, _, true) => self.missing(&written.name, "values", "list"),
            (VariableKind::List | VariableKind::Text, Some(sql), _) => {
                self.faults.add(sql.place, "only a variable of kind query has `sql`", "leave it out, or let it be one");
            }
            _ => {}
        }
        let sql = written.sql.as_ref().map(|sql| self.statement(sql));
        // A variable may use those before it.
        self.names.insert(name.clone());
        DashboardVariable {
            name,
            label: self.optional(written.label.as_ref(), TITLE_BYTES_MAX),
            kind: written.kind,
            sql,
            values: written.values.iter().map(|value| self.text(value, VALUE_BYTES_MAX)).collect(),
            default: written.default.iter().map(|value| self.text(value, VALUE_BYTES_MAX)).collect(),
            multi: written.multi,
        }
    }

    fn missing(&mut self, name: &At<String>, member: &str, kind: &str) {
        let problem = format!("the variable '{}' is of kind {kind} and has no `{member}`", name.value);
        self.faults.add(name.place, problem, format!("write `{member}: …`"));
    }

    fn variable_name(&mut self, written: &At<String>) -> String {
        let name = written.value.clone();
        if !is_variable_name(&name) {
            let problem = format!("'{name}' cannot be the name of a variable");
            self.faults.add(written.place, problem, VARIABLE_NAMES);
        } else if GIVEN.contains(&name.as_str()) || name.ends_with(IS_ALL) || name.starts_with(OWN_NAMES) {
            self.faults.add(written.place, format!("`${name}` is given already"), "name the variable otherwise");
        } else if self.names.contains(&name) {
            self.faults.add(written.place, format!("the variable '{name}' is there twice"), "keep one of them");
        }
        name
    }

    fn row(&mut self, written: &At<WrittenRow>, ids: &mut BTreeSet<String>, spots: &mut Vec<Spot>) -> PanelRow {
        let row = &written.value;
        let mut panels = Vec::new();
        for panel in &row.panels {
            let (panel, spot) = self.panel(panel, ids);
            panels.push(panel);
            spots.push(spot);
        }
        share_width(&row.panels, &mut panels);
        let width: u32 = panels.iter().map(|panel| u32::from(panel.width)).sum();
        if width > u32::from(WIDTH) {
            let problem = format!("the panels of a row are {width} wide together, more than {WIDTH}");
            self.faults.add(written.place, problem, "make them narrower, or begin another row");
        }
        let title = self.optional(row.title.as_ref(), TITLE_BYTES_MAX);
        let height = self.number(row.height.as_ref(), "height", 1, HEIGHT_MAX);
        PanelRow { title, height: height.unwrap_or(HEIGHT), panels }
    }

    fn panel(&mut self, written: &At<WrittenPanel>, ids: &mut BTreeSet<String>) -> (Panel, Spot) {
        let panel = &written.value;
        self.shape(written);
        self.limit(&panel.y, "columns", COLUMNS_MAX);
        let sql = panel.sql.as_ref().map(|sql| self.statement(sql));
        let read = Panel {
            id: self.panel_id(panel, ids),
            title: self.title(&panel.title),
            description: self.optional(panel.description.as_ref(), VALUE_BYTES_MAX),
            kind: panel.kind,
            width: self.number(panel.width.as_ref(), "width", 1, WIDTH).unwrap_or(WIDTH),
            sql,
            metric: panel.metric.as_ref().map(|metric| self.metric(&metric.value)),
            text: self.optional(panel.text.as_ref(), TEXT_BYTES_MAX),
            unit: self.optional(panel.unit.as_ref(), TITLE_BYTES_MAX),
            decimals: self.number(panel.decimals.as_ref(), "decimals", 0, DECIMALS_MAX),
            thresholds: self.thresholds(&panel.thresholds),
            legend: panel.legend.unwrap_or(true),
            stack: panel.stack,
            x: self.optional(panel.x.as_ref(), TITLE_BYTES_MAX),
            y: panel.y.iter().map(|column| self.title(column)).collect(),
            series: self.optional(panel.series.as_ref(), TITLE_BYTES_MAX),
            interval: panel.interval.as_ref().and_then(|interval| self.length(interval, DAYS_MAX * 86_400)),
            links: self.links(&panel.links),
        };
        let columns = panel.x.iter().chain(&panel.y).chain(&panel.series).cloned().collect();
        (read, Spot { place: written.place, sql: panel.sql.clone(), columns })
    }

    /// A panel asks one thing, or is a text.
    fn shape(&mut self, written: &At<WrittenPanel>) {
        let panel = &written.value;
        let is_text = panel.kind == PanelKind::Markdown;
        let (problem, remedy) = match (is_text, &panel.sql, &panel.metric, &panel.text) {
            (true, None, None, Some(_)) => return,
            (true, _, _, None) => ("a panel of kind markdown has no `text`", "write `text: …`"),
            (true, ..) => ("a panel of kind markdown asks nothing", "leave out `sql` and `metric`"),
            (false, _, _, Some(_)) => ("only a panel of kind markdown has `text`", "write it as `description`"),
            (false, Some(_), Some(_), _) => ("the panel has both `sql` and `metric`", "keep one of them"),
            (false, None, None, _) => ("the panel asks nothing", "write `sql: …` or `metric: …`"),
            (false, None, Some(_), _) if !panel.kind.shows_metrics() => (
                "a panel of this kind cannot show a metric",
                "write `sql: …`, or take time_series, bar, stat, gauge or table",
            ),
            _ => return,
        };
        self.faults.add(written.place, problem, remedy);
    }

    fn panel_id(&mut self, panel: &WrittenPanel, ids: &mut BTreeSet<String>) -> String {
        if let Some(written) = &panel.id {
            let id = self.id(written);
            if !ids.insert(id.clone()) {
                self.faults.add(
                    written.place,
                    format!("the id '{id}' is there twice"),
                    "give each panel one of its own",
                );
            }
            return id;
        }
        let made = slug(&panel.title.value);
        let numbered = (2..).map(|number| format!("{made}-{number}"));
        let id =
            std::iter::once(made.clone()).chain(numbered).find(|id| !ids.contains(id)).expect("numbers do not end");
        ids.insert(id.clone());
        id
    }

    fn metric(&mut self, written: &WrittenMetric) -> PanelMetric {
        self.limit(&written.by, "labels", LABELS_MAX);
        let mut filter = BTreeMap::new();
        for (label, value) in &written.filter {
            if let Some(name) = value.value.strip_prefix('$').filter(|name| !self.names.contains(*name)) {
                let remedy = match self.names.is_empty() {
                    true => "write it below `variables`".to_owned(),
                    false => meant(name, self.names.iter().map(String::as_str)),
                };
                self.faults.add(value.place, format!("there is no variable '{name}'"), remedy);
            }
            filter.insert(label.clone(), self.text(value, VALUE_BYTES_MAX));
        }
        if let Some(first) = written.filter.values().next() {
            self.faults.limit(first.place, "labels", filter.len(), LABELS_MAX);
        }
        let by = written.by.iter().map(|label| self.title(label)).collect();
        PanelMetric { name: self.title(&written.name), function: written.function, by, filter }
    }

    fn thresholds(&mut self, written: &[At<WrittenThreshold>]) -> Vec<Threshold> {
        self.limit(written, "thresholds", THRESHOLDS_MAX);
        let mut before = f64::NEG_INFINITY;
        for threshold in written {
            let at = threshold.value.at.value;
            if !at.is_finite() || at <= before {
                let problem = format!("the threshold {at} is not above the one before it");
                self.faults.add(threshold.value.at.place, problem, "write them from the lowest to the highest");
            }
            before = at;
        }
        written.iter().map(|written| Threshold { at: written.value.at.value, level: written.value.level }).collect()
    }

    fn links(&mut self, written: &[At<WrittenLink>]) -> Vec<DashboardLink> {
        self.limit(written, "links", LINKS_MAX);
        let link = |written: &At<WrittenLink>| {
            let (title, url) = (self.title(&written.value.title), self.text(&written.value.url, VALUE_BYTES_MAX));
            let is_page = url.starts_with('/') && !url.starts_with("//") && !url.contains('\\');
            if !is_page && !url.starts_with("https://") && !url.starts_with("http://") {
                let problem = format!("'{url}' is no address");
                self.faults.add(
                    written.value.url.place,
                    problem,
                    "write a page as /traces, or an http or https address",
                );
            }
            DashboardLink { title, url }
        };
        written.iter().map(link).collect()
    }

    /// The statement as it is written, whose names are all known.
    fn statement(&mut self, sql: &At<String>) -> String {
        let text = self.text(sql, TEXT_BYTES_MAX);
        if let Err(wrong) = Template::parse(&sql.value).and_then(|template| self.check_names(&template)) {
            self.faults.add(sql.place_in(self.text, wrong.offset), wrong.problem, wrong.remedy);
        }
        text
    }

    fn check_names(&self, template: &Template<'_>) -> Result<(), Wrong> {
        for &(place, name) in template.names() {
            let variable = name.strip_suffix(IS_ALL).unwrap_or(name);
            if !GIVEN.contains(&name) && !self.names.contains(variable) {
                let known: Vec<&str> = GIVEN.into_iter().chain(self.names.iter().map(String::as_str)).collect();
                let wrong = Wrong::new(format!("there is no `${name}`"), meant(name, known));
                return Err(wrong.at(place));
            }
        }
        Ok(())
    }
}

/// Only what is one becomes part of a statement, behind a `$`.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let letters = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    (1..=VARIABLE_BYTES_MAX).contains(&name.len())
        && name.bytes().all(letters)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Panels that do not say how wide they are share what the others leave.
fn share_width(written: &[At<WrittenPanel>], panels: &mut [Panel]) {
    let said: u32 =
        written.iter().filter_map(|panel| panel.value.width.as_ref()).map(|width| u32::from(width.value)).sum();
    let silent = written.iter().filter(|panel| panel.value.width.is_none()).count() as u32;
    let share = u32::from(WIDTH).saturating_sub(said).checked_div(silent).unwrap_or(0).max(1);
    for (written, panel) in written.iter().zip(panels) {
        if written.value.width.is_none() {
            panel.width = share as u16;
        }
    }
}

/// An id made of a title.
fn slug(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    slug.truncate(ID_BYTES_MAX - 4);
    if slug.is_empty() { "panel".to_owned() } else { slug }
}

#[cfg(test)]
mod tests;
