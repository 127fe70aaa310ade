//! [`Results`]: what came of many works, and medians of that.

use serde_json::Value;

use super::peer::Peer;
use super::quantile;

/// Results in the order of the works.
#[derive(Debug, Default)]
pub struct Results {
    all: Vec<Value>,
}

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// What else must be so: name and number of a figure.
    pub with: &'a [(&'a str, f64)],
}

impl Results {
    /// One more.
    pub fn add(&mut self, result: Value) {
        self.all.push(result);
    }

    /// All of one peer that were asked for; those that failed as well.
    fn of(&self, peer: Peer, which: Which<'_>) -> impl Iterator<Item = &Value> {
        let name = peer.to_string();
        self.all.iter().filter(move |result| {
            let says = |key: &str, what: &str| result.get(key).is_some_and(|is| is == what);
            let alike = |(key, number): &(&str, f64)| {
                result.get("error").is_some() || number_of(result, key) == Some(*number)
            };
            says("scenario", which.scenario) && says("peer", &name) && which.with.iter().all(alike)
        })
    }

    fn figures(&self, peer: Peer, which: Which<'_>, figure: &str) -> Vec<Option<f64>> {
        self.of(peer, which).map(|result| number_of(result, figure)).collect()
    }

    /// Ours: none if a single run has no such figure, for then something did not come about.
    pub fn ours(&self, which: Which<'_>, figure: &str) -> Option<f64> {
        let figures = self.figures(Peer::Yizhan, which, figure);
        let all: Option<Vec<f64>> = figures.into_iter().collect();
        all.filter(|all| !all.is_empty()).map(|all| quantile::median(&all))
    }

    /// Of all our runs together: the most.
    pub fn most(&self, which: Which<'_>, figure: &str) -> Option<f64> {
        let figures = self.figures(Peer::Yizhan, which, figure);
        let all: Option<Vec<f64>> = figures.into_iter().collect();
        all.and_then(|all| all.into_iter().reduce(f64::max))
    }

    /// A peer's: the median of the runs that came off.
    pub fn of_peer(&self, peer: Peer, which: Which<'_>, figure: &str) -> Option<f64> {
        let figures: Vec<_> = self.figures(peer, which, figure).into_iter().flatten().collect();
        (!figures.is_empty()).then(|| quantile::median(&figures))
    }
}

/// A figure of a result; what is true or false counts as 1 or 0.
fn number_of(result: &Value, figure: &str) -> Option<f64> {
    match result.get(figure)? {
        Value::Bool(so) => Some(f64::from(u8::from(*so))),
        figure => figure.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const THIN: Which<'_> = Which { scenario: "thin", with: &[("kbit", 50.0)] };

    fn results(figures: &[Value]) -> Results {
        let mut results = Results::default();
        for figure in figures {
            for peer in ["yizhan", "nats"] {
                results.add(
                    json!({"scenario": "thin", "peer": peer, "kbit": 50.0, "drain_s": figure}),
                );
            }
            results.add(json!({"scenario": "thin", "peer": "yizhan", "kbit": 9.6, "drain_s": 99}));
        }
        results
    }

    #[test]
    fn a_median_is_of_the_runs_that_were_asked_for() {
        let results = results(&[json!(3), json!(1), json!(2)]);
        assert_eq!(results.ours(THIN, "drain_s"), Some(2.0));
        assert_eq!(results.most(THIN, "drain_s"), Some(3.0));
        assert_eq!(results.of_peer(Peer::NATS_ALWAYS, THIN, "drain_s"), None);
    }

    #[test]
    fn a_run_of_ours_without_a_figure_leaves_none_but_a_peers_does() {
        let results = results(&[json!(3), Value::Null, json!(2)]);
        assert_eq!(results.ours(THIN, "drain_s"), None);
        assert_eq!(results.most(THIN, "drain_s"), None);
        assert_eq!(results.of_peer(Peer::NATS, THIN, "drain_s"), Some(3.0));
    }

    #[test]
    fn a_run_that_failed_counts_for_every_row_of_its_scenario() {
        let mut results = results(&[json!(3)]);
        results.add(json!({"scenario": "thin", "peer": "yizhan", "error": "no link"}));
        assert_eq!(results.ours(THIN, "drain_s"), None);
    }
}
