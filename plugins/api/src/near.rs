//! Names that somebody may have meant who wrote one that is not there.

/// Names told of, the nearest first.
const TOLD: usize = 3;
/// A name is compared so far, in characters.
const COMPARED_MAX: usize = 100;

/// The names that are most like the one written.
pub fn near<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let written = folded(written);
    let mut near: Vec<(usize, &str)> = Vec::new();
    for name in names {
        let folded_name = folded(name);
        let is_part = !written.is_empty() && contains(&folded_name, &written) || contains(&written, &folded_name);
        let distance = if is_part { 1 } else { distance(&written, &folded_name) };
        if distance <= written.len().max(folded_name.len()) / 2 {
            near.push((distance, name));
        }
    }
    near.sort_unstable();
    near.into_iter().take(TOLD).map(|(_, name)| name).collect()
}

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).take(COMPARED_MAX).collect()
}

fn contains(whole: &[char], part: &[char]) -> bool {
    !part.is_empty() && whole.windows(part.len()).any(|window| window == part)
}

/// How many characters must be put in, taken out or exchanged to make one of the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, of_a) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, of_b) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(of_a != of_b);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, expected: &[&str]) {
        let names = ["checkout", "cart", "payments", "payments-worker", "search"];
        assert_eq!(near(written, names), expected, "{written}");
    }

    #[test]
    fn names_with_a_slip_or_a_part_of_the_name_are_near() {
        check("chekcout", &["checkout"]);
        check("Payments", &["payments", "payments-worker"]);
        check("worker", &["payments-worker"]);
        check("zzzzzzzzzzzz", &[]);
        check("", &[]);
    }
}
