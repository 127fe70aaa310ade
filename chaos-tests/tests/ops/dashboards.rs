//! Dashboards: what they ask.

use serde_json::Value;

use crate::tree::{assert_none, files};

/// All queries of a dashboard, with the title of their panel.
pub(crate) fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let mut found: Vec<_> = panels
        .flat_map(|panel| {
            let title = panel["title"].as_str().unwrap().to_owned();
            let targets = panel["targets"].as_array().into_iter().flatten();
            targets.map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
        })
        .collect();
    let variables = dashboard.pointer("/templating/list").and_then(Value::as_array);
    let variables = variables.into_iter().flatten();
    let asks = variables.filter(|variable| variable["type"] == "query");
    found.extend(asks.map(|variable| {
        let query = variable["query"].as_str().unwrap();
        let series = query.strip_prefix("label_values(").and_then(|rest| rest.rsplit_once(','));
        ("variable".to_owned(), series.unwrap().0.to_owned())
    }));
    found
}

pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let read = |(name, text): (String, String)| {
        let value = serde_json::from_str(&text).map_err(|fault| format!("{name}: {fault}"));
        (name, value.unwrap())
    };
    files("ops/grafana", "json").into_iter().map(read).collect()
}

#[test]
fn dashboards_ask_the_data_source_that_the_reader_chose() {
    let mut faults = Vec::new();
    for (name, dashboard) in dashboards() {
        let list = dashboard["templating"]["list"].as_array().unwrap();
        if !list.iter().any(|v| v["name"] == "datasource" && v["type"] == "datasource") {
            faults.push(format!("{name} has no variable `datasource`"));
        }
        for panel in dashboard["panels"].as_array().unwrap() {
            let row = panel["type"] == "row";
            if !row && panel["datasource"]["uid"] != "${datasource}" {
                faults.push(format!("{name}: {} is bound to one data source", panel["title"]));
            }
        }
    }
    assert_none(&faults, "a dashboard that is bound to one Prometheus works at one desk only");
}
