//! The format of `printf`, which is checked against its values when a file is read.

use plugin::yaml::Wrong;

use super::{Expression, Layout, Piece, Verb};

/// Largest width and most digits that may be asked for.
const WIDTH_MAX: usize = 100;

/// A format with the values that it writes.
pub(super) fn printf(arguments: Vec<Expression>) -> Result<Expression, Wrong> {
    let mut arguments = arguments.into_iter();
    let Some(Expression::Text(format)) = arguments.next() else {
        return Err(Wrong::new("`printf` has no format", "write `printf \"%.2f\" $value`"));
    };
    let (mut pieces, mut rest) = (Vec::new(), format.as_str());
    while let Some(percent) = rest.find('%') {
        pieces.push(Piece::Text(rest[..percent].to_owned()));
        rest = &rest[percent + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            pieces.push(Piece::Text("%".to_owned()));
            rest = after;
            continue;
        }
        let (layout, after) = layout(rest)?;
        let too_few = || Wrong::new("`printf` has fewer values than places for them", "write one for each `%`");
        let argument = arguments.next().ok_or_else(too_few)?;
        if layout.verb != Verb::Plain && !argument.is_number() {
            return Err(Wrong::new("`printf` is to write a text as a number", "write `%s` for a text"));
        }
        pieces.push(Piece::Argument(layout, argument));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
    match arguments.next() {
        Some(_) => Err(Wrong::new("`printf` has more values than places for them", "write a `%` for each")),
        None => Ok(Expression::Printf(pieces)),
    }
}

/// What follows a `%`, and the rest behind it.
fn layout(format: &str) -> Result<(Layout, &str), Wrong> {
    let refused = || {
        let written: String = format.chars().take(8).collect();
        Wrong::new(format!("`printf` does not know `%{written}`"), "there is %s, %v, %f, %e and %g, as in %.2f or %-8s")
    };
    let (to_the_left, rest) = format.strip_prefix('-').map_or((false, format), |rest| (true, rest));
    let (width, rest) = number(rest);
    let (digits, rest) = match rest.strip_prefix('.') {
        Some(rest) => (Some(number(rest).0.unwrap_or(0)), number(rest).1),
        None => (None, rest),
    };
    if width.max(digits) > Some(WIDTH_MAX) {
        return Err(Wrong::new(format!("`printf` is asked for more than {WIDTH_MAX} characters"), "write fewer"));
    }
    let mut chars = rest.chars();
    let verb = match (chars.next(), digits) {
        (Some('s' | 'v'), None) => Verb::Plain,
        (Some('f'), digits) => Verb::Fixed(digits.unwrap_or(6)),
        (Some('e'), digits) => Verb::Power(digits.unwrap_or(6)),
        (Some('g'), digits) => Verb::General(digits),
        _ => return Err(refused()),
    };
    Ok((Layout { to_the_left, width: width.unwrap_or(0), verb }, chars.as_str()))
}

/// The digits that a text begins with, as a number; one that is too large stays too large.
fn number(text: &str) -> (Option<usize>, &str) {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    ((!digits.is_empty()).then(|| digits.parse().unwrap_or(usize::MAX)), rest)
}
