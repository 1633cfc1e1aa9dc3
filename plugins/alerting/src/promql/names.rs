//! Names as Prometheus has them: how OpenTelemetry's metrics and attributes are called there.

/// The name of an attribute as a label.
pub(super) fn label(key: &str) -> String {
    let label: String = key.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    match label.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("key_{label}"),
        false => label,
    }
}

/// The upper bound of a bucket as a label.
pub(super) fn bound(bound: f64) -> String {
    if bound == f64::INFINITY { "+Inf".to_owned() } else { bound.to_string() }
}

/// What decides the name of a metric beside its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    /// A sum that only grows.
    Counter,
    /// A sum that also falls, a histogram, a summary.
    Other,
}

/// The name of a metric: words joined by `_`, then its unit, then what tells its kind.
pub(super) fn metric(name: &str, unit: &str, kind: Kind) -> String {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == ':';
    let mut words: Vec<String> =
        name.split(|letter| !is_of_word(letter)).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    add_unit(&mut words, unit);
    match kind {
        Kind::Counter => move_to_end(&mut words, "total"),
        Kind::Gauge if unit == "1" => move_to_end(&mut words, "ratio"),
        Kind::Gauge | Kind::Other => {}
    }
    let name = words.join("_");
    match name.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

fn move_to_end(words: &mut Vec<String>, word: &str) {
    words.retain(|other| other != word);
    words.push(word.to_owned());
}

/// `By/s` is `bytes_per_second`. A unit that the name has already is not said again; one in braces is none.
fn add_unit(words: &mut Vec<String>, unit: &str) {
    let (unit, per) = unit.split_once('/').unwrap_or((unit, ""));
    let [unit, per] = [(unit, unit_word as fn(&str) -> &str), (per, per_word)].map(|(unit, word)| {
        let unit = unit.trim();
        if unit.contains(['{', '}']) { String::new() } else { cleaned(word(unit)) }
    });
    let is_new = |word: &str, words: &[String]| !word.is_empty() && !words.iter().any(|other| other == word);
    let (has_unit, has_per) = (is_new(&unit, words), is_new(&per, words));
    if has_unit {
        words.push(unit);
    }
    if has_per {
        words.extend(["per".to_owned(), per]);
    }
}

fn cleaned(unit: &str) -> String {
    let words = unit.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != ':');
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

fn unit_word(unit: &str) -> &str {
    match unit {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "1" => "",
        "%" => "percent",
        other => other,
    }
}

fn per_word(unit: &str) -> &str {
    match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_called_what_opentelemetry_says_they_are_called_in_prometheus() {
        let check = |name: &str, unit: &str, kind, expected: &str| assert_eq!(metric(name, unit, kind), expected);

        check("http.server.request.duration", "s", Kind::Other, "http_server_request_duration_seconds");
        check("system.network.io", "By", Kind::Counter, "system_network_io_bytes_total");
        check("system.cpu.utilization", "1", Kind::Gauge, "system_cpu_utilization_ratio");
        check("system.cpu.utilization", "1", Kind::Other, "system_cpu_utilization");
        check("requests.total.count", "{request}", Kind::Counter, "requests_count_total");
        check("jvm.gc.seconds", "s", Kind::Gauge, "jvm_gc_seconds");
        check("disk.speed", "MBy/s", Kind::Gauge, "disk_speed_megabytes_per_second");
        check("rate", "{packet}/s", Kind::Gauge, "rate_per_second");
        check("a__b..c", "", Kind::Gauge, "a_b_c");
        check("2xx", "", Kind::Counter, "_2xx_total");
        check("node:cpu", "%", Kind::Gauge, "node:cpu_percent");
        check("up", "", Kind::Gauge, "up");
    }

    #[test]
    fn attributes_lose_their_dots() {
        assert_eq!(label("http.request.method"), "http_request_method");
        assert_eq!(label("5xx"), "key_5xx");
        assert_eq!(label("__name__"), "__name__");
    }

    #[test]
    fn bounds_are_written_without_what_does_not_matter() {
        assert_eq!([0.005, 1.0, 1e6, f64::INFINITY].map(bound), ["0.005", "1", "1000000", "+Inf"]);
    }
}
