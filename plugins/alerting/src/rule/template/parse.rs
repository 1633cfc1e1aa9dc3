//! Reads what stands between `{{` and `}}`.

use plugin::near;
use plugin::yaml::Wrong;

use super::message::{EQUAL, End, LEN, Scope, call_of_messages};
use super::printf::printf;
use super::{Expression, Function, Part, Template, Which};

/// Longest text of a template, in bytes.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 8192;
/// How deep parentheses may stand in each other, and blocks.
pub(super) const DEPTH_MAX: usize = 8;

const FUNCTIONS: [(&str, Function); 7] = [
    ("humanize", Function::Humanize),
    ("humanize1024", Function::Humanize1024),
    ("humanizePercentage", Function::HumanizePercentage),
    ("humanizeDuration", Function::HumanizeDuration),
    ("title", Function::Title),
    ("toUpper", Function::ToUpper),
    ("toLower", Function::ToLower),
];
const PRINTF: &str = "printf";
const INDEX: &str = "index";

/// What stands between two braces.
#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    Says(Expression),
    Each(Which),
    If(Expression),
    Ends(End),
}

/// The parts of a block, and what has ended it where; nothing at the end of the text.
pub(super) type Block = (Vec<Part>, Option<(End, usize)>);

impl Template {
    /// Reads a text about a row of a rule.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        Self::parse_in(text, Scope::Rule)
    }

    /// Reads a text about a message.
    pub(crate) fn parse_message(text: &str) -> Result<Self, Wrong> {
        Self::parse_in(text, Scope::Message)
    }

    fn parse_in(text: &str, scope: Scope) -> Result<Self, Wrong> {
        if text.len() > TEMPLATE_BYTES_MAX {
            let problem = format!("the text has {} bytes, more than {TEMPLATE_BYTES_MAX}", text.len());
            return Err(Wrong::new(problem, "write a shorter one"));
        }
        let mut cursor = Cursor { text, at: 0, depth: 0, blocks: 0, scope, is_trimmed: false };
        match cursor.parts()? {
            (parts, None) => Ok(Self { text: text.to_owned(), parts }),
            (_, Some((_, action))) => Err(Wrong::new("nothing is open that could end here", "leave it out").at(action)),
        }
    }
}

/// A place in a text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    pub(super) at: usize,
    depth: usize,
    pub(super) blocks: usize,
    pub(super) scope: Scope,
    /// The last action takes the space behind it away.
    is_trimmed: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn until(&mut self, mark: &str) -> &'a str {
        let rest = self.rest();
        let len = rest.find(mark).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    pub(super) fn take(&mut self, mark: &str) -> bool {
        let is_there = self.rest().starts_with(mark);
        self.at += if is_there { mark.len() } else { 0 };
        is_there
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// `{{- ` takes the space before it away.
    fn take_trim_start(&mut self) -> bool {
        let trims = self.rest().strip_prefix('-').is_some_and(|after| after.starts_with(char::is_whitespace));
        self.at += usize::from(trims);
        trims
    }

    /// The end of an action; ` -}}` takes the space after it away.
    fn close(&mut self, action: usize) -> Result<bool, Wrong> {
        self.spaces();
        if self.take("-}}") {
            return Ok(true);
        }
        if self.take("}}") {
            return Ok(false);
        }
        if self.rest().is_empty() {
            return Err(Wrong::new("`{{` has no `}}`", "close it").at(action));
        }
        Err(self.wrong(format!("`{}` is too much", self.word()), "write `}}` or a pipe before it"))
    }

    pub(super) fn parts(&mut self) -> Result<Block, Wrong> {
        let mut parts = Vec::new();
        loop {
            let plain = self.until("{{");
            let action = self.at;
            let opened = self.take("{{");
            let trims_before = opened && self.take_trim_start();
            let plain = if self.is_trimmed { plain.trim_start() } else { plain };
            let plain = if trims_before { plain.trim_end() } else { plain };
            if !plain.is_empty() {
                parts.push(Part::Text(plain.to_owned()));
            }
            if !opened {
                return Ok((parts, None));
            }
            let found = self.action(action)?;
            self.is_trimmed = self.close(action)?;
            match found {
                Action::Nothing => {}
                Action::Says(expression) => parts.push(Part::Expression(expression)),
                Action::Each(which) => parts.push(self.each(which, action)?),
                Action::If(condition) => parts.push(self.choice(condition, action)?),
                Action::Ends(end) => return Ok((parts, Some((end, action)))),
            }
        }
    }

    /// What stands between the braces.
    fn action(&mut self, action: usize) -> Result<Action, Wrong> {
        self.spaces();
        if self.take("/*") {
            self.until("*/");
            return if self.take("*/") {
                Ok(Action::Nothing)
            } else {
                Err(Wrong::new("a comment has no `*/`", "close it").at(action))
            };
        }
        if self.is_at_end() {
            return Err(
                Wrong::new("there is nothing between `{{` and `}}`", "write `$value` or `$labels.name`").at(action)
            );
        }
        if self.scope == Scope::Rule {
            return self.pipeline().map(Action::Says);
        }
        let word = self.word();
        if !["range", "if", "else", "end"].contains(&word) {
            return self.pipeline().map(Action::Says);
        }
        self.at += word.len();
        self.spaces();
        match word {
            "range" => self.range(),
            "if" => self.pipeline().map(Action::If),
            "else" => Ok(Action::Ends(End::Else)),
            _ => Ok(Action::Ends(End::End)),
        }
    }

    fn is_at_end(&self) -> bool {
        ["}}", "-}}", "|", ")"].iter().any(|end| self.rest().starts_with(end)) || self.rest().is_empty()
    }

    fn pipeline(&mut self) -> Result<Expression, Wrong> {
        let mut expression = self.command(None)?;
        self.spaces();
        while self.take("|") {
            self.spaces();
            expression = self.command(Some(expression))?;
            self.spaces();
        }
        Ok(expression)
    }

    /// An operand, or a function with its arguments, the last of which is what came through the pipe.
    fn command(&mut self, piped: Option<Expression>) -> Result<Expression, Wrong> {
        let start = self.at;
        if !self.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            let operand = self.operand()?;
            no_labels_as_a_whole(std::slice::from_ref(&operand)).map_err(|wrong| wrong.at(start))?;
            let refused = Wrong::new("a pipe leads to what is no function", "write a function behind `|`").at(start);
            return if piped.is_some() { Err(refused) } else { Ok(operand) };
        }
        let name = self.word();
        self.at += name.len();
        let mut arguments = Vec::new();
        self.spaces();
        let is_of_messages = self.scope != Scope::Rule && (name == EQUAL || name == LEN);
        if name == PRINTF || name == INDEX || is_of_messages || FUNCTIONS.iter().any(|(known, _)| *known == name) {
            while !self.is_at_end() {
                arguments.push(self.operand()?);
                self.spaces();
            }
        }
        arguments.extend(piped);
        let called = if is_of_messages { call_of_messages(name, arguments) } else { call(name, arguments) };
        called.map_err(|wrong| wrong.at(start))
    }

    pub(super) fn operand(&mut self) -> Result<Expression, Wrong> {
        if self.take("(") {
            return self.parenthesis();
        }
        if self.scope != Scope::Rule && self.rest().starts_with('.') {
            return self.field();
        }
        if self.take("$labels") || self.take(".Labels") {
            return self.label();
        }
        if self.take("$value") || self.take(".Value") {
            return match self.rest().starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.') {
                true => Err(self.wrong("this is not supported", "write `$value` alone")),
                false => Ok(Expression::Value),
            };
        }
        if self.rest().starts_with(['"', '`']) {
            return self.string().map(Expression::Text);
        }
        let word = self.word();
        if let Ok(number) = word.parse::<f64>() {
            self.at += word.len();
            return Ok(Expression::Number(number));
        }
        Err(self.wrong(format!("`{word}` is not supported"), "there is $labels, $value, and functions of them"))
    }

    fn parenthesis(&mut self) -> Result<Expression, Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.wrong(format!("parentheses are more than {DEPTH_MAX} deep"), "write fewer"));
        }
        self.spaces();
        let expression = self.pipeline()?;
        self.depth -= 1;
        if self.take(")") { Ok(expression) } else { Err(self.wrong("`(` has no `)`", "close it")) }
    }

    /// What follows `$labels`.
    pub(super) fn label(&mut self) -> Result<Expression, Wrong> {
        if self.take("[") {
            self.spaces();
            let name = self.string()?;
            self.spaces();
            return if self.take("]") {
                Ok(Expression::Label(name))
            } else {
                Err(self.wrong("`[` has no `]`", "close it"))
            };
        }
        let is_named = self.take(".");
        let rest = self.rest();
        let name = &rest[..rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())];
        self.at += name.len();
        match (is_named, name.is_empty()) {
            // All labels; only `index` takes them.
            (false, true) => Ok(Expression::Label(String::new())),
            (true, false) if self.rest().starts_with(['.', '-']) && !self.rest().starts_with("-}}") => {
                Err(self
                    .wrong(format!("the label `{name}` has no parts"), "write a name with dots as `$labels[\"a.b\"]`"))
            }
            (true, false) => Ok(Expression::Label(name.to_owned())),
            _ => Err(self.wrong("`$labels` names no label", "write `$labels.name`")),
        }
    }

    /// A text in quotes, or in backticks without escapes.
    fn string(&mut self) -> Result<String, Wrong> {
        let start = self.at;
        let unclosed = || Wrong::new("a text has no closing quote", "close it").at(start);
        if self.take("`") {
            let text = self.until("`").to_owned();
            return if self.take("`") { Ok(text) } else { Err(unclosed()) };
        }
        if !self.take("\"") {
            return Err(self.wrong(format!("`{}` is no text", self.word()), "write it in quotes"));
        }
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    return Ok(text);
                }
                '\\' => match chars.next().map(|(_, escaped)| escaped) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(escaped @ ('"' | '\\' | '\'')) => text.push(escaped),
                    _ => {
                        return Err(Wrong::new("this escape is not supported", "there is \\n, \\t, \\\", \\\\")
                            .at(self.at + offset));
                    }
                },
                c => text.push(c),
            }
        }
        Err(unclosed())
    }

    /// What stands here up to a space or a sign, for messages and names.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c: char| c.is_whitespace() || "|(){}\"".contains(c)).unwrap_or(rest.len());
        if len == 0 { &rest[..rest.chars().next().map_or(0, char::len_utf8)] } else { &rest[..len] }
    }

    pub(super) fn wrong(&self, problem: impl Into<String>, remedy: impl Into<String>) -> Wrong {
        Wrong::new(problem, remedy).at(self.at)
    }
}

/// A function of arguments; refused here if it can never work.
fn call(name: &str, mut arguments: Vec<Expression>) -> Result<Expression, Wrong> {
    if name == INDEX {
        return match &arguments[..] {
            [Expression::Label(all), Expression::Text(label)] if all.is_empty() => Ok(Expression::Label(label.clone())),
            _ => Err(Wrong::new("`index` is for labels alone", "write `index $labels \"name\"`")),
        };
    }
    no_labels_as_a_whole(&arguments)?;
    if name == PRINTF {
        return printf(arguments);
    }
    let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
        return Err(unknown(name));
    };
    match (arguments.pop(), arguments.is_empty()) {
        (Some(argument), true) if argument.is_number() && function.is_for_texts() => {
            Err(Wrong::new(format!("`{name}` of a number"), "it is for texts"))
        }
        (Some(argument), true) => Ok(Expression::Call(*function, Box::new(argument))),
        _ => Err(Wrong::new(format!("`{name}` takes one value"), format!("write `$value | {name}`"))),
    }
}

pub(super) fn no_labels_as_a_whole(arguments: &[Expression]) -> Result<(), Wrong> {
    match arguments.iter().any(|argument| matches!(argument, Expression::Label(name) if name.is_empty())) {
        true => Err(Wrong::new("`$labels` names no label", "write `$labels.name`")),
        false => Ok(()),
    }
}

fn unknown(name: &str) -> Wrong {
    let names = FUNCTIONS.iter().map(|(name, _)| *name).chain([PRINTF]);
    let meant = near(name, names.clone());
    let remedy = match meant.is_empty() {
        true => format!("there is {}", names.collect::<Vec<_>>().join(", ")),
        false => format!("did you mean {}?", meant.join(", ")),
    };
    Wrong::new(format!("`{name}` is not supported in texts"), remedy)
}

impl Function {
    fn is_for_texts(self) -> bool {
        matches!(self, Self::Title | Self::ToUpper | Self::ToLower)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_supported_is_refused_by_name_with_its_place() {
        let check = |text: &str, offset: usize, says: &str| {
            let wrong = Template::parse(text).expect_err(text);
            let said = format!("{}; {}", wrong.problem, wrong.remedy);
            assert_eq!(wrong.offset, offset, "{text}: {said}");
            assert!(said.contains(says), "{text}: {said}");
        };

        check("x {{ range query \"up\" }}", 5, "`range` is not supported");
        check("{{ humanise $value }}", 3, "did you mean humanize");
        check("{{ $externalURL }}", 3, "`$externalURL` is not supported");
        check("{{ if $value }}", 3, "`if` is not supported");
        check("{{ end }}", 3, "`end` is not supported");
        check("{{ $value", 0, "no `}}`");
        check("{{ }}", 0, "nothing between");
        check("{{ $labels }}", 3, "names no label");
        check("{{ $labels.a.b }}", 12, "$labels[\"a.b\"]");
        check("{{ $value | $value }}", 12, "no function");
        check("{{ $value $value }}", 10, "too much");
        check("{{ $value | toUpper }}", 12, "for texts");
        check("{{ printf \"%d\" $value }}", 3, "does not know `%d`");
        check("{{ printf \"%.2f\" $labels.a }}", 3, "`%s` for a text");
        check("{{ printf \"%s\" }}", 3, "fewer values");
        check("{{ printf \"x\" $value }}", 3, "more values");
        check("{{ printf \"%999f\" $value }}", 3, "more than 100");
        check("{{ humanize }}", 3, "takes one value");
        check("{{ \"open }}", 3, "closing quote");
        check(&format!("{{{{ {}1 }}}}", "(".repeat(9)), 12, "deep");
        check(&"x".repeat(TEMPLATE_BYTES_MAX + 1), 0, "more than");
    }

    const PARTS: &str = r#"([a-z ü]|\{\{|\}\}|- |\$value|\$labels|\.x|\["|"\]|"|\||printf|%|[.]2f|\(|\)|/\*|\*/|humanize|range|if|else|end|[.]Alerts|eq|len){0,24}"#;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in PARTS) {
            if let Ok(template) = Template::parse(&text) {
                template.render(&Default::default(), Some(1.5));
            }
            if let Ok(template) = Template::parse_message(&text) {
                template.render_about(&Default::default(), str::to_owned, 100);
            }
        }
    }
}
