//! Which intervals a caller asks for, of those that are kept.

use crate::sim::call::{ApiError, Ctx};
use crate::sim::resources::iso;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// A length that an interval can have.
#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    secs: i64,
    /// So many intervals of it are kept, the latest.
    kept: i64,
}

const fn step(name: &'static str, secs: i64, kept: i64) -> Step {
    Step { name, secs, kept }
}

const STEPS: [Step; 7] = [
    step("1sec", 1, 10),
    step("10sec", 10, 30),
    step("5min", 300, 12),
    step("15min", 900, 96),
    step("1hour", 3600, 168),
    step("12hour", 43_200, 62),
    step("1week", 604_800, 53),
];

/// What the query asks for.
pub(super) struct Asked {
    /// One length, or all when none is named.
    steps: Vec<Step>,
    from: Option<Timestamp>,
    to: Timestamp,
    now: Timestamp,
    metrics: Option<Vec<String>>,
}

impl Asked {
    pub(super) fn of(ctx: &Ctx<'_>) -> Result<Self, ApiError> {
        let query = &ctx.call.query;
        let wanted = query.get("interval").filter(|name| !name.is_empty());
        let is_wanted = |step: &&Step| wanted.is_none_or(|name| name == step.name);
        let steps: Vec<Step> = STEPS.iter().filter(is_wanted).copied().collect();
        if let (Some(name), true) = (wanted, steps.is_empty()) {
            return Err(ApiError::bad_request(format!(
                "interval: there is no interval {name}"
            )));
        }
        let metrics = query.get("metrics").filter(|names| !names.is_empty());
        let now = ctx.env.now;
        Ok(Self {
            steps,
            from: ctx.call.time("stime")?,
            to: ctx.call.time("etime")?.map_or(now, |to| to.min(now)),
            now,
            metrics: metrics.map(|names| names.split(',').map(|name| name.trim().to_owned()).collect()),
        })
    }

    /// The latest interval of the shortest length that is asked for; an empty object if there is none.
    pub(super) fn last(&self, figures: &Map<String, Value>, born: Timestamp) -> Value {
        let step = self.steps.first().copied().unwrap_or(STEPS[0]);
        let end = self.ends(step, born).next_back();
        end.map_or_else(|| json!({}), |end| self.at(figures, step, end))
    }

    /// One interval that ends at `end`, with the figures that are asked for.
    fn at(&self, figures: &Map<String, Value>, step: Step, end: Timestamp) -> Value {
        let wanted = |name: &String| self.metrics.as_ref().is_none_or(|names| names.contains(name));
        let mut shown: Map<String, Value> = figures
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        shown.insert("interval".to_owned(), json!(step.name));
        shown.insert(
            "stime".to_owned(),
            json!(iso(end - SignedDuration::from_secs(step.secs))),
        );
        shown.insert("etime".to_owned(), json!(iso(end)));
        Value::Object(shown)
    }

    /// The intervals of every length that is asked for, the shortest first.
    pub(super) fn intervals(&self, figures: &Map<String, Value>, born: Timestamp) -> Value {
        let ends = |step: &Step| {
            let step = *step;
            self.ends(step, born).map(move |end| (step, end))
        };
        let rows = self.steps.iter().flat_map(ends);
        Value::Array(rows.map(|(step, end)| self.at(figures, step, end)).collect())
    }

    /// The ends of the whole intervals of one length, oldest first. They begin at multiples of it, none ended before `born`,
    /// and only the latest until now are kept.
    fn ends(&self, step: Step, born: Timestamp) -> impl DoubleEndedIterator<Item = Timestamp> + use<> {
        let whole = |at: Timestamp| at.as_second().div_euclid(step.secs);
        let kept = whole(self.now) - step.kept;
        let asked = self.from.map_or(kept, |from| {
            (from.as_second() + step.secs - 1).div_euclid(step.secs)
        });
        let from = asked.max(kept).max(whole(born));
        (from..whole(self.to)).filter_map(move |start| Timestamp::from_second((start + 1) * step.secs).ok())
    }

    /// An object's row, with all its intervals.
    pub(super) fn row(&self, uid: &str, figures: &Map<String, Value>, born: Timestamp) -> Value {
        json!({"uid": uid, "intervals": self.intervals(figures, born)})
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::fixture::Fixture;
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};

    /// The intervals that a query about the nodes of a new cluster of this age gets.
    fn intervals(sim: &mut Fixture, query: &str) -> Vec<Value> {
        let path = format!("/v1/nodes/stats?{query}");
        let rows = sim.admin(0, "GET", &path, Value::Null).json;
        rows[0]["intervals"].as_array().unwrap().clone()
    }

    #[test]
    fn so_many_intervals_are_kept_whatever_time_is_asked_for() {
        let mut sim = Fixture::cluster(1, 1);
        sim.pass(400 * 86_400);
        for (name, kept) in [
            ("1sec", 10),
            ("10sec", 30),
            ("5min", 12),
            ("15min", 96),
            ("1hour", 168),
            ("12hour", 62),
            ("1week", 53),
        ] {
            for window in ["", "&stime=2001-01-01T00:00:00Z"] {
                let shown = intervals(&mut sim, &format!("interval={name}{window}"));
                assert_eq!(shown.len(), kept, "{name} {window}");
            }
            let forgotten = intervals(&mut sim, &format!("interval={name}&etime=2025-10-20T00:00:00Z"));
            assert!(forgotten.is_empty(), "{name}");
        }
    }

    #[test]
    fn the_last_interval_is_the_last_of_the_time_that_is_asked_for() {
        let mut sim = Fixture::cluster(1, 1);
        sim.pass(60);
        let now = sim.world.now();
        let ago = |secs: i64| now - SignedDuration::from_secs(secs);
        let mut last = |query: &str| {
            let path = format!("/v1/cluster/stats/last?metrics=conns&{query}");
            sim.admin(0, "GET", &path, Value::Null).json
        };
        let end = |got: &Value| got["etime"].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert_eq!(end(&last("")), ago(0));
        assert_eq!(end(&last(&format!("etime={}", ago(5)))), ago(5));
        assert_eq!(end(&last(&format!("stime={}", ago(1)))), ago(0));
        let nothing = [
            format!("etime={}", ago(30)),
            format!("stime={}", ago(0)),
            "etime=2001-01-01".to_owned(),
            "interval=1week".to_owned(),
        ];
        for query in nothing {
            assert_eq!(last(&query), json!({}), "{query}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc_and_a_date_its_first_moment() {
        let mut sim = Fixture::cluster(1, 1);
        sim.pass(2 * 86_400);
        let whole = intervals(
            &mut sim,
            "interval=1hour&stime=2025-10-15T00:00:00Z&etime=2025-10-15T12:00:00Z",
        );
        assert_eq!(whole.len(), 12);
        for query in [
            "stime=2025-10-15T00:00:00&etime=2025-10-15T12:00:00",
            "stime=2025-10-15&etime=2025-10-15T12:00:00.000000",
            "stime=2025-10-15%2000:00:00&etime=2025-10-15T14:00:00%2B02:00",
        ] {
            let shown = intervals(&mut sim, &format!("interval=1hour&{query}"));
            assert_eq!(shown, whole, "{query}");
        }
    }
}
