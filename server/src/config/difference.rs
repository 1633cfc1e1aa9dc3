//! Which settings differ, by name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Config;

/// The names of settings that are not the same in both. Values are not told: some are secret.
pub(crate) fn differing(one: &Config, other: &Config) -> Vec<String> {
    let tree = |config: &Config| serde_json::to_value(config).expect("settings are plain data");
    let mut names = Vec::new();
    compare("", &tree(one), &tree(other), &mut names);
    names
}

fn compare(name: &str, one: &Value, other: &Value, differing: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                let value = |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or_default();
                compare(&name, &value(one), &value(other), differing);
            }
        }
        _ if one == other => {}
        _ => differing.push(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use model::Tenant;

    use super::*;

    #[test]
    fn settings_that_differ_are_named_and_no_others() {
        let before = Config::default();
        let mut after = before.clone();
        assert_eq!(differing(&before, &after), Vec::<String>::new());

        after.log.level = "debug".to_owned();
        after.retention.spans_days = 7;
        let acme = Tenant::new("acme").expect("a name");
        after.retention.tenants.insert(acme, plane::TenantRetention::default());

        assert_eq!(differing(&before, &after), ["log.level", "retention.spans_days", "retention.tenants.acme"]);
    }
}
