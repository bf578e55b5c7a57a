//! Prometheus metrics. Those about objects are read off the roster when they are asked for, so none outlives its object.

use crate::api::Reason;
use crate::operator::object::Kind;
use crate::operator::object::ObjectKey;
use crate::operator::roster::Outlook;
use crate::operator::roster::Roster;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::EncodeMetric;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Upper bounds of the duration of a pass, in seconds.
const PASS_SECONDS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 900.0];

/// What is counted and measured.
pub struct Metrics {
    registry: Registry,
    leader: Gauge,
    passes: Family<PassLabels, Counter>,
    pass_seconds: Family<KindLabels, Histogram>,
    requests: Family<RequestLabels, Counter>,
}

/// How a pass over an object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassOutcome {
    /// Nothing to do.
    Converged,
    /// Something was done.
    Acted,
    /// Something is held or waited for.
    Pending,
    /// Redis Enterprise or Kubernetes did not do what was asked.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PassLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    cluster: String,
    route: String,
    code: String,
}

impl Metrics {
    /// Metrics of a process that looks after `roster`.
    pub fn new(roster: Arc<Roster>) -> Self {
        let mut registry = Registry::with_prefix("regent");
        let leader = Gauge::default();
        let passes = Family::default();
        let pass_seconds = Family::new_with_constructor(pass_histogram as fn() -> Histogram);
        let requests = Family::default();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        registry.register("leader", "Whether this process holds the Lease", leader.clone());
        registry.register(
            "reconcile",
            "Passes over objects, by how they ended",
            passes.clone(),
        );
        registry.register(
            "reconcile_duration_seconds",
            "Duration of a pass over an object",
            pass_seconds.clone(),
        );
        registry.register("rest_requests", "Requests to Redis Enterprise", requests.clone());
        registry.register_collector(Box::new(Objects(roster)));
        Self {
            registry,
            leader,
            passes,
            pass_seconds: Family::clone(&pass_seconds),
            requests,
        }
    }

    /// Takes note of whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Counts a pass.
    pub fn count_pass(&self, kind: Kind, outcome: PassOutcome, took: Duration) {
        let kind = kind.name();
        self.passes
            .get_or_create(&PassLabels {
                kind,
                outcome: outcome.label(),
            })
            .inc();
        self.pass_seconds
            .get_or_create(&KindLabels { kind })
            .observe(took.as_secs_f64());
    }

    /// Counts a request to Redis Enterprise. `code` is the HTTP status, or a word when there was none.
    pub fn count_request(&self, cluster: &str, route: &str, code: &str) {
        let labels = RequestLabels {
            cluster: cluster.into(),
            route: route.into(),
            code: code.into(),
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// All metrics in the text format.
    ///
    /// # Errors
    /// Never in practice: writing to a `String` does not fail.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl PassOutcome {
    fn label(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Acted => "acted",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }
}

fn pass_histogram() -> Histogram {
    Histogram::new(PASS_SECONDS)
}

/// Metrics about objects.
struct Objects(Arc<Roster>);

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Objects")
    }
}

impl Collector for Objects {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let objects = self.0.outlooks();
        conditions(&mut encoder, &objects)?;
        drift(&mut encoder, &objects)?;
        holds(&mut encoder, &objects)
    }
}

fn conditions(encoder: &mut DescriptorEncoder, objects: &[(ObjectKey, Outlook)]) -> Result<(), fmt::Error> {
    let help = "Conditions of objects: 1 for the status that each has";
    let mut family = encoder.encode_descriptor("resource_condition", help, None, MetricType::Gauge)?;
    for (key, outlook) in objects {
        for condition in &outlook.conditions {
            let labels = [
                ("kind", key.kind.name()),
                ("namespace", &key.namespace),
                ("name", &key.name),
                ("type", &condition.type_),
                ("status", &condition.status),
            ];
            ConstGauge::new(1_i64).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn drift(encoder: &mut DescriptorEncoder, objects: &[(ObjectKey, Outlook)]) -> Result<(), fmt::Error> {
    let help = "Managed fields whose live value differs from the spec";
    let mut family = encoder.encode_descriptor("drift_fields", help, None, MetricType::Gauge)?;
    for (key, outlook) in objects {
        let labels = [
            ("kind", key.kind.name()),
            ("namespace", &key.namespace),
            ("name", &key.name),
        ];
        let count = i64::try_from(outlook.drift).unwrap_or(i64::MAX);
        ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

fn holds(encoder: &mut DescriptorEncoder, objects: &[(ObjectKey, Outlook)]) -> Result<(), fmt::Error> {
    let mut counts: BTreeMap<Reason, i64> = BTreeMap::new();
    for reason in objects.iter().flat_map(|(_, outlook)| &outlook.holds) {
        *counts.entry(*reason).or_default() += 1;
    }
    let help = "Parts of plans that are held, by reason";
    let mut family = encoder.encode_descriptor("holds", help, None, MetricType::Gauge)?;
    for (reason, count) in counts {
        ConstGauge::new(count).encode(family.encode_family(&[("reason", format!("{reason:?}"))])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Condition;
    use crate::operator::roster::Ring;
    use crate::plan::access::ClusterKey;

    fn roster() -> Arc<Roster> {
        let roster = Arc::new(Roster::default());
        let cluster = ClusterKey {
            namespace: "redis".into(),
            name: "prod".into(),
        };
        let key = ObjectKey {
            kind: Kind::RedisDatabase,
            namespace: "redis".into(),
            name: "sessions".into(),
        };
        let entry = roster.ring_or_enter(&key, cluster, Ring::Changed).unwrap();
        let ready = Condition {
            type_: "Ready".into(),
            status: "False".into(),
            observed_generation: Some(1),
            last_transition_time: "2026-11-21T07:00:00Z".into(),
            reason: "Creating".into(),
            message: String::new(),
        };
        let holds = vec![Reason::DowngradeNotAllowed];
        entry.note(Outlook {
            conditions: vec![ready],
            holds,
            drift: 2,
            ..Outlook::default()
        });
        roster
    }

    #[test]
    fn objects_show_their_conditions_drift_and_holds() {
        let text = Metrics::new(roster()).text().unwrap();
        for line in [
            r#"regent_resource_condition{kind="RedisDatabase",namespace="redis",name="sessions",type="Ready",status="False"} 1"#,
            r#"regent_drift_fields{kind="RedisDatabase",namespace="redis",name="sessions"} 2"#,
            r#"regent_holds{reason="DowngradeNotAllowed"} 1"#,
            "regent_leader 0",
            r#"regent_build_info{version="0.1.0"} 1"#,
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn passes_and_requests_are_counted() {
        let metrics = Metrics::new(Arc::default());
        metrics.count_pass(Kind::RedisCluster, PassOutcome::Acted, Duration::from_millis(3));
        metrics.count_request("redis/prod", "GET /v1/bdbs", "200");
        let text = metrics.text().unwrap();
        for line in [
            r#"regent_reconcile_total{kind="RedisCluster",outcome="acted"} 1"#,
            r#"regent_reconcile_duration_seconds_bucket{le="0.005",kind="RedisCluster"} 1"#,
            r#"regent_rest_requests_total{cluster="redis/prod",route="GET /v1/bdbs",code="200"} 1"#,
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn metrics_of_an_object_end_with_it() {
        let roster = roster();
        let key = ObjectKey {
            kind: Kind::RedisDatabase,
            namespace: "redis".into(),
            name: "sessions".into(),
        };
        roster.leave(&key, || true);
        assert!(!Metrics::new(roster).text().unwrap().contains("sessions"));
    }
}
