//! How `regent plan` prints: object by object, then a summary.

use crate::api::ManagementPolicy;
use crate::api::RedisCluster;
use crate::operator::object::Kind;
use crate::operator::object::Object;
use crate::plan::Plan;
use std::fmt;
use std::process::ExitCode;

/// Exit code when there is something to do, held or waited for.
const CHANGES: u8 = 2;

/// The plans of all objects. Prints them one after the other, then a summary.
pub struct Planned {
    /// In the order in which they are printed.
    pub objects: Vec<ObjectPlan>,
}

/// The plan of one object.
pub struct ObjectPlan {
    /// Which object, of which cluster.
    pub heading: String,
    /// How far Regent may go for it.
    pub policy: ManagementPolicy,
    /// What would be done.
    pub outcome: Outcome,
}

/// What would be done for one object.
pub enum Outcome {
    /// Nothing, whatever there is to do.
    Paused,
    /// What the planner says.
    Planned {
        /// The printed plan.
        lines: String,
        /// Steps.
        todo: usize,
        /// Holds.
        held: usize,
        /// Waits.
        waiting: usize,
    },
    /// It could not be found out.
    Error(String),
}

impl Outcome {
    /// What a plan comes to.
    pub fn of<A: fmt::Display>(plan: &Plan<A>) -> Self {
        Self::Planned {
            lines: plan.to_string(),
            todo: plan.steps.len(),
            held: plan.holds.len(),
            waiting: plan.waits.len(),
        }
    }
}

impl Planned {
    /// Steps to do, held, waited for; and objects that failed.
    fn counts(&self) -> (usize, usize, usize, usize) {
        self.objects
            .iter()
            .fold((0, 0, 0, 0), |sum, object| match &object.outcome {
                Outcome::Paused => sum,
                Outcome::Planned {
                    todo, held, waiting, ..
                } => (sum.0 + todo, sum.1 + held, sum.2 + waiting, sum.3),
                Outcome::Error(_) => (sum.0, sum.1, sum.2, sum.3 + 1),
            })
    }

    /// 0 when there is nothing to do, 1 when something could not be found out, 2 otherwise.
    pub fn exit_code(&self) -> ExitCode {
        match self.counts() {
            (0, 0, 0, 0) => ExitCode::SUCCESS,
            (_, _, _, 0) => ExitCode::from(CHANGES),
            _ => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for object in &self.objects {
            writeln!(f, "{object}")?;
        }
        if self.objects.is_empty() {
            writeln!(
                f,
                "There is no RedisCluster, ClusterCertificate or RedisDatabase to plan for."
            )?;
        }
        let (todo, held, waiting, failed) = self.counts();
        write!(f, "Plan: {todo} to do, {held} held, {waiting} waiting")?;
        match failed {
            0 => writeln!(f, "."),
            _ => writeln!(f, ", {failed} failed."),
        }
    }
}

impl fmt::Display for ObjectPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = match self.policy {
            ManagementPolicy::Enforce => "",
            ManagementPolicy::Plan => " [managementPolicy: Plan, nothing is carried out]",
            ManagementPolicy::Observe => " [managementPolicy: Observe]",
        };
        writeln!(f, "{}{note}", self.heading)?;
        match &self.outcome {
            Outcome::Paused => writeln!(f, "  paused"),
            Outcome::Error(error) => writeln!(f, "  error {error}"),
            Outcome::Planned { lines, .. } if lines.is_empty() => writeln!(f, "  nothing to do"),
            Outcome::Planned { lines, .. } => lines.lines().try_for_each(|line| writeln!(f, "  {line}")),
        }
    }
}

/// Which object, of which cluster in which version.
pub fn heading<K: Object>(object: &K, cluster: Option<&RedisCluster>) -> String {
    let version = cluster.and_then(|cluster| cluster.status.as_ref()?.version.as_deref());
    let version = version.map(|version| format!(" ({version})")).unwrap_or_default();
    match K::KIND {
        Kind::RedisCluster => format!("{}{version}", object.key()),
        Kind::RedisDatabase | Kind::ClusterCertificate => {
            format!("{} -> cluster {}{version}", object.key(), object.cluster().name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Reason;
    use crate::operator::resolve::tests::cluster;
    use crate::operator::resolve::tests::database;
    use crate::plan::Hold;
    use crate::plan::Step;
    use expect_test::expect;

    fn plan(steps: &[&'static str], held: Option<&str>) -> Outcome {
        let mut plan = Plan {
            steps: steps.iter().map(|step| Step::Call(*step)).collect(),
            ..Plan::default()
        };
        plan.holds.extend(held.map(|detail| Hold {
            what: "remove node n4".into(),
            why: Reason::OneNodeAtATime,
            detail: detail.into(),
        }));
        Outcome::of(&plan)
    }

    fn object(heading: String, outcome: Outcome) -> ObjectPlan {
        ObjectPlan {
            heading,
            policy: ManagementPolicy::Enforce,
            outcome,
        }
    }

    #[test]
    fn plans_print_object_by_object_with_a_summary() {
        let mut stands = cluster();
        stands.status = Some(crate::api::RedisClusterStatus {
            version: Some("8.0.10-64".into()),
            ..Default::default()
        });
        let planned = Planned {
            objects: vec![
                object(heading(&stands, Some(&stands)), plan(&[], Some("node n2 is out"))),
                object(
                    heading(&database("sessions"), Some(&stands)),
                    plan(&["create database sessions"], None),
                ),
                object(heading(&database("idle"), Some(&stands)), plan(&[], None)),
                object(heading(&database("still"), None), Outcome::Paused),
            ],
        };
        expect![[r#"
            RedisCluster redis/prod (8.0.10-64)
              hold  remove node n4: OneNodeAtATime (node n2 is out)

            RedisDatabase redis/sessions -> cluster prod (8.0.10-64)
              do    create database sessions

            RedisDatabase redis/idle -> cluster prod (8.0.10-64)
              nothing to do

            RedisDatabase redis/still -> cluster prod
              paused

            Plan: 1 to do, 1 held, 0 waiting.
        "#]]
        .assert_eq(&planned.to_string());
    }

    #[test]
    fn the_exit_code_tells_nothing_to_do_from_changes_and_errors() {
        let code = |outcome| {
            Planned {
                objects: vec![object("x".into(), outcome)],
            }
            .exit_code()
        };
        assert_eq!(
            format!("{:?}", code(plan(&[], None))),
            format!("{:?}", ExitCode::SUCCESS)
        );
        assert_eq!(
            format!("{:?}", code(plan(&["a"], None))),
            format!("{:?}", ExitCode::from(2))
        );
        assert_eq!(
            format!("{:?}", code(plan(&[], Some("x")))),
            format!("{:?}", ExitCode::from(2))
        );
        let failed = code(Outcome::Error("no answer".into()));
        assert_eq!(format!("{failed:?}"), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn a_policy_that_carries_nothing_out_is_said() {
        let observed = ObjectPlan {
            policy: ManagementPolicy::Plan,
            ..object("RedisDatabase a/b".into(), plan(&["x"], None))
        };
        expect![[r#"
            RedisDatabase a/b [managementPolicy: Plan, nothing is carried out]
              do    x
        "#]]
        .assert_eq(&observed.to_string());
    }
}
