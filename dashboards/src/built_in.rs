//! The dashboards that come with the program.

use std::sync::Arc;

use crate::library::{DashboardOrigin, Found};
use crate::read::read;

const FILES: [&str; 4] = [
    include_str!("../executive.yaml"),
    include_str!("../operations.yaml"),
    include_str!("../product.yaml"),
    include_str!("../technical.yaml"),
];

/// All of them.
pub(crate) fn all() -> Arc<[Found]> {
    let found = |yaml: &&str| Found {
        dashboard: Arc::new(read(yaml).expect("a test reads them all").dashboard),
        yaml: (*yaml).into(),
        origin: DashboardOrigin::BuiltIn,
        file: None,
        version: None,
    };
    FILES.iter().map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_can_be_read_and_have_each_kind_of_panel() {
        let all = all();

        let names: Vec<&str> = all.iter().map(|found| found.dashboard.name.as_str()).collect();
        assert_eq!(names, ["executive", "operations", "product", "technical"]);
        let kinds: Vec<String> =
            all.iter().flat_map(|found| found.dashboard.panels()).map(|panel| format!("{:?}", panel.kind)).collect();
        for kind in ["TimeSeries", "Bar", "Stat", "Table", "HeatMap", "Gauge", "Map", "Logs", "Traces", "Markdown"] {
            assert!(kinds.iter().any(|known| known == kind), "{kind}");
        }
    }
}
