use super::condition::last;
use super::*;
use crate::api::Condition;
use crate::api::DeletionPolicy;
use crate::api::IntentAction;
use crate::api::Reason;
use crate::api::RedisDatabaseStatus;
use crate::plan::Hold;
use crate::plan::Publication;
use crate::plan::database::Observed;
use crate::plan::database::plan;
use crate::plan::database::tests::Case;
use crate::plan::database::tests::now;
use crate::rest::error::ErrorKind;
use crate::rest::error::Refusal;
use crate::rest::route;
use expect_test::Expect;
use expect_test::expect;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::json;
use strum::IntoEnumIterator;

mod certificate;
mod cluster;
mod deletion;
mod failure;

const INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// One object, visited again and again; every write to it is counted.
struct Life {
    case: Case,
    now: Timestamp,
    writes: usize,
    events: Vec<String>,
    visit: Visit,
}

impl Life {
    fn of(case: Case) -> Self {
        Self {
            case,
            now: now(),
            writes: 0,
            events: Vec::new(),
            visit: Visit::Again,
        }
    }

    fn later(&mut self, secs: i64) -> &mut Self {
        self.now += SignedDuration::from_secs(secs);
        self
    }

    /// A pass in which every step succeeds.
    fn pass(&mut self) -> &mut Self {
        self.pass_until(None)
    }

    /// A pass that ends with this failure: of the observation, or of the first call.
    fn fails(&mut self, failure: Failure, observed: bool) -> &mut Self {
        self.pass_until(Some((failure, observed)))
    }

    fn pass_until(&mut self, failure: Option<(Failure, bool)>) -> &mut Self {
        let before = self.case.object.clone();
        let plan = plan(
            &self.case.object,
            &self.case.inputs,
            &self.case.observed,
            self.now,
        );
        let observed = failure.as_ref().is_none_or(|(_, observed)| *observed);
        let mut done = 0;
        let enforces =
            self.case.object.spec.management_policy.unwrap_or_default() == ManagementPolicy::Enforce;
        for step in plan.steps.iter().filter(|_| observed && enforces) {
            match step {
                Step::Call(_) if failure.is_some() => break,
                Step::Call(_) | Step::Release => {}
                Step::Record(record) => {
                    self.case.object.status = Some(announce_database(&self.case.object, record, self.now));
                    self.writes += 1;
                }
                Step::Publish(Publication::Connection { data, .. }) => {
                    self.case.inputs.connection = Some(data.clone())
                }
                Step::Publish(Publication::GeneratePassword { .. }) => {}
            }
            done += 1;
        }
        let failure = failure.map(|(failure, _)| failure);
        let report = database(&Round {
            before: &before,
            object: &self.case.object,
            inputs: Some(&self.case.inputs),
            observed: observed.then_some(&self.case.observed),
            plan: observed.then_some(&plan),
            done,
            failure: failure.as_ref(),
            now: self.now,
            interval: INTERVAL,
        });
        if report.differs(self.case.object.status.as_ref()) {
            self.case.object.status = Some(report.status);
            self.writes += 1;
        }
        self.visit = report.visit;
        let note = |event: EventNote| {
            format!(
                "{} {} {}",
                if event.warning { "!" } else { "-" },
                event.reason,
                event.note
            )
        };
        self.events.extend(report.events.into_iter().map(note));
        self
    }

    fn status(&self) -> &RedisDatabaseStatus {
        self.case.object.status.as_ref().unwrap()
    }

    fn condition(&self, type_: &str) -> Option<&Condition> {
        last(&self.status().conditions, type_)
    }

    fn ready(&self) -> String {
        self.condition("Ready")
            .map(|ready| format!("{} {}", ready.status, ready.reason))
            .unwrap_or_default()
    }

    /// What status, Events and the next visit say.
    #[track_caller]
    fn check(&self, expected: Expect) {
        let mut text = String::new();
        for condition in self
            .case
            .object
            .status
            .iter()
            .flat_map(|status| &status.conditions)
        {
            let Condition {
                type_,
                status,
                reason,
                message,
                ..
            } = condition;
            text += &format!("{type_}={status} {reason}: {message}\n");
        }
        for event in &self.events {
            text += &format!("{event}\n");
        }
        text += &format!("next {:?}\n", self.visit);
        expected.assert_eq(&text);
    }
}

fn failed(route: &'static route::Route, kind: ErrorKind) -> Failure {
    Failure::Rest(Error {
        route,
        path: route.path.replace("{}", "3"),
        node: "10.0.0.11:9443".into(),
        kind,
    })
}

fn refused(route: &'static route::Route, status: u16, body: &str) -> Failure {
    failed(
        route,
        ErrorKind::Refused(Refusal::read(status, body.as_bytes(), &[])),
    )
}

fn unreachable(words: &str) -> Failure {
    failed(&route::BDBS, ErrorKind::Connect(words.into()))
}

/// A world in which the database is to be created, with a password and a connection Secret.
fn wanted() -> Case {
    let mut case = Case::fresh();
    case.password("secret", "pw/1");
    case.spec().connection_secret = Some(crate::api::SecretRef {
        name: "sessions-conn".into(),
    });
    case
}

/// An object whose database is in service and that has said so.
fn settled() -> Life {
    let mut life = Life::of(Case::connected());
    life.pass();
    life.writes = 0;
    life.events.clear();
    life
}

#[test]
fn a_creation_costs_the_intent_and_one_status() {
    let mut life = Life::of(wanted());
    life.pass().check(expect![[r#"
        Ready=False Creating: create database sessions: Redis Enterprise is creating it
        Synced=False PendingApply: create database sessions: Redis Enterprise is creating it
        Reconciling=True Creating: create database sessions: Redis Enterprise is creating it
        next Soon
    "#]]);
    assert_eq!(life.writes, 1, "the report says what the intent announced");
    life.case.bdb(3, "sessions", Some("cr-1")).status = "pending".into();
    life.later(3).pass();
    assert_eq!(life.writes, 1, "nothing new while it is being created");
    life.case.bdb_status("active");
    life.later(3).pass();
    assert_eq!(life.writes, 2);
    life.check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=True InSync: what the spec sets is what is there
        PasswordSynced=True InSync: the database has the password of the Secret
        - Created database 3 was created
        next Resync
    "#]]);
    assert_eq!(life.status().password_version.as_deref(), Some("pw/1"));
    assert_eq!(life.status().intent, None);
    expect![[r#"
        {
          "observedGeneration": 1,
          "clusterIdentity": {
            "name": "prod.example.com",
            "createdTime": "2026-01-01T00:00:00Z"
          },
          "uid": 3,
          "host": "redis-12000.prod.example.com",
          "port": 12000,
          "passwordVersion": "pw/1",
          "binding": {
            "name": "sessions-conn"
          },
          "effective": {
            "status": "active",
            "redisVersion": "7.4",
            "memorySize": "1Gi",
            "shardCount": 1,
            "replication": false,
            "persistence": "disabled",
            "evictionPolicy": "volatile-lru",
            "proxyPolicy": "single",
            "tlsMode": "disabled"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&with_no_conditions(life.status())).unwrap());
}

fn with_no_conditions(status: &RedisDatabaseStatus) -> RedisDatabaseStatus {
    RedisDatabaseStatus {
        conditions: Vec::new(),
        ..status.clone()
    }
}

#[test]
fn a_converged_object_is_never_written_again() {
    let mut life = settled();
    for _ in 0..10 {
        life.later(30).pass();
    }
    assert_eq!(
        (life.writes, life.events.len(), life.visit),
        (0, 0, Visit::Resync)
    );
}

#[test]
fn making_a_password_says_nothing_and_goes_on_at_once() {
    let mut case = wanted();
    let (secret, key) = ("sessions-password".to_owned(), "password".to_owned());
    case.inputs.password = Ok(Some(crate::plan::database::Password::ToGenerate { secret, key }));
    let mut life = Life::of(case);
    life.pass();
    assert_eq!((life.writes, life.visit), (0, Visit::Again));
}

#[test]
fn a_change_shows_as_reconciling_while_the_database_serves() {
    let mut life = settled();
    life.case.spec().replication = Some(true);
    life.case.object.metadata.generation = Some(2);
    life.pass().check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=False PendingApply: spec.replication is false, wanted true
        Reconciling=True Updating: change database sessions: Redis Enterprise is changing it
        PasswordSynced=True InSync: the database has the password of the Secret
        - Updated database 3 is being changed: replication
        next Soon
    "#]]);
    let seen = life.writes;
    life.case.set("replication", json!(true));
    life.case.bdb_status("active-change-pending");
    life.events.clear();
    life.later(3).pass().check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=True InSync: what the spec sets is what is there
        Reconciling=True Updating: change database sessions: Redis Enterprise is changing it
        PasswordSynced=True InSync: the database has the password of the Secret
        next Soon
    "#]]);
    life.case.bdb_status("active");
    life.later(3).pass().check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=True InSync: what the spec sets is what is there
        PasswordSynced=True InSync: the database has the password of the Secret
        next Resync
    "#]]);
    assert_eq!((seen, life.writes), (1, 3));
}

#[test]
fn drift_is_told_from_a_change_of_the_spec() {
    let mut life = settled();
    life.case.set("memory_size", json!(1u64 << 31));
    life.case.seen().used_memory_bytes = Some(1);
    life.pass();
    assert_eq!(
        life.events,
        ["- DriftCorrected database 3 was changed by somebody else; put back: memory_size"]
    );
}

#[test]
fn a_rotation_is_told_and_ends() {
    let mut life = settled();
    life.case.password("n3w-secret", "pw/2");
    life.pass().check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=True InSync: what the spec sets is what is there
        Reconciling=True Rotating: change the password of database sessions: the old password and the new one are both accepted
        PasswordSynced=False Rotating: the old password and the new one are both accepted
        next Soon
    "#]]);
    life.events.clear();
    life.later(3).pass().check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=True InSync: what the spec sets is what is there
        PasswordSynced=True InSync: the database has the password of the Secret
        - PasswordRotated database 3 has the new password only
        next Resync
    "#]]);
    assert_eq!(life.writes, 3, "the intent, the version, the status");
    life.later(30).pass();
    assert_eq!(life.writes, 3);
}

#[test]
fn a_server_without_overlap_of_passwords_gets_the_new_one_at_once() {
    let mut life = settled();
    life.case.password("n3w-secret", "pw/2");
    life.fails(refused(&route::BDB, 406, r#"{"error_code":"invalid_param"}"#), true).check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=True InSync: what the spec sets is what is there
        Reconciling=True Rotating: change the password of database sessions: the old password and the new one are both accepted
        PasswordSynced=False Rotating: the old password and the new one are both accepted
        next Soon
    "#]]);
    assert_eq!(life.later(3).pass().ready(), "True Available");
    assert_eq!(life.status().password_version.as_deref(), Some("pw/2"));
}

#[test]
fn a_paused_object_says_so_and_keeps_the_rest() {
    let mut life = settled();
    life.case.annotate("regent.dev/reconcile", "paused");
    life.pass().check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=Unknown Paused: nothing is compared while the object is paused
        Paused=True Annotation: the annotation regent.dev/reconcile: paused is set; remove it to go on
        PasswordSynced=True InSync: the database has the password of the Secret
        next OnChange
    "#]]);
    life.later(600).pass();
    assert_eq!(life.writes, 1);
}

#[test]
fn plan_mode_lists_what_it_would_do() {
    let mut life = settled();
    life.case.spec().management_policy = Some(ManagementPolicy::Plan);
    life.case.spec().replication = Some(true);
    life.pass().check(expect![[r#"
        Ready=True Available: database 3 is served at redis-12000.prod.example.com:12000
        Synced=False DriftReported: Regent would act; status.plan says how; spec.replication is false, wanted true
        PasswordSynced=True InSync: the database has the password of the Secret
        next Resync
    "#]]);
    assert_eq!(
        life.status().plan,
        [
            "do    change database 3 {\"replication\":true}",
            "drift spec.replication: false -> true"
        ]
    );
    life.case.spec().management_policy = None;
    life.case.spec().replication = None;
    assert!(life.later(30).pass().status().plan.is_empty());
}

#[test]
fn observe_mode_tells_how_things_are() {
    let mut case = Case::fresh();
    case.spec().management_policy = Some(ManagementPolicy::Observe);
    case.spec().replication = Some(true);
    case.bdb(7, "sessions", None);
    let mut life = Life::of(case);
    life.pass().check(expect![[r#"
        Ready=True Available: the database is served at redis-12000.prod.example.com:12000
        Synced=False DriftReported: spec.replication is false, wanted true
        next Resync
    "#]]);
    assert_eq!((life.status().uid, life.status().port), (None, Some(12000)));
}

#[test]
fn a_takeover_is_told() {
    let mut case = Case::fresh();
    case.spec().adoption_policy = Some(crate::api::AdoptionPolicy::IfUnowned);
    case.bdb(7, "sessions", None);
    let mut life = Life::of(case);
    assert_eq!(
        life.pass().events,
        ["- Adopted database 7 was taken over; it bears our tag now"]
    );
}

#[test]
fn the_time_of_a_condition_moves_only_with_its_status() {
    let mut life = settled();
    let since = life.condition("Ready").unwrap().last_transition_time.clone();
    life.case.spec().replication = Some(true);
    life.later(30).pass();
    assert_eq!(life.condition("Ready").unwrap().last_transition_time, since);
    assert_eq!(
        life.condition("Reconciling").unwrap().last_transition_time,
        "2026-06-01T12:00:30Z"
    );
    life.case.spec().port = Some(12001);
    life.later(30).pass();
    assert_eq!(
        life.condition("Ready").unwrap().last_transition_time,
        "2026-06-01T12:01:00Z"
    );
}

#[test]
fn a_request_to_reconcile_is_echoed_and_the_generation_told_even_on_failure() {
    let mut life = settled();
    life.case.annotate("regent.dev/reconcile-requested-at", "token-1");
    life.case.object.metadata.generation = Some(7);
    life.fails(unreachable("refused"), false);
    assert_eq!(
        life.status().last_handled_reconcile_at.as_deref(),
        Some("token-1")
    );
    assert_eq!(life.status().observed_generation, Some(7));
    assert!(
        life.status()
            .conditions
            .iter()
            .all(|condition| condition.observed_generation == Some(7))
    );
}

#[test]
fn never_both_reconciling_and_stalled_whatever_is_held() {
    for why in Reason::iter() {
        let mut life = settled();
        life.case.inputs.access = Err(Hold {
            what: "w".into(),
            why,
            detail: "d".into(),
        });
        life.case.observed = Observed::Unasked;
        for _ in 0..3 {
            life.later(100).pass();
            let both = life.condition("Reconciling").is_some() && life.condition("Stalled").is_some();
            assert!(!both, "{why:?}");
            assert!(life.condition("Ready").is_some() && life.condition("Synced").is_some());
        }
        let stalled = life.condition("Stalled").is_some();
        assert_eq!(stalled, class(why) == Class::NeedsHuman, "{why:?}");
    }
}

#[test]
fn no_secret_gets_into_a_status_or_an_event() {
    let mut case = wanted();
    case.password("canary-password", "pw/1");
    let mut life = Life::of(case);
    life.pass();
    life.case.bdb(3, "sessions", Some("cr-1"));
    life.later(3).pass();
    let told = serde_json::to_string(life.status()).unwrap() + &life.events.concat();
    assert!(!told.contains("canary"), "{told}");
}
