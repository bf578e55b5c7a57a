//! Managed fields: a table row says where a value stands in the spec, what it is called on the wire, how two spellings of
//! it compare, and what may be done to it on a live object. Everything that compares spec and server reads such a table.

use crate::api::Downgrade;
use crate::api::ProxyPolicy;
use crate::api::Reason;
use crate::api::ShardPlacement;
use crate::plan::Drift;
use crate::plan::Hold;
use crate::rest::model::JsonMap;
use serde_json::Value;

/// One managed field of the spec type `S`.
pub struct Field<S> {
    /// Path in the object, as `spec.memorySize`.
    pub path: &'static str,
    /// Name on the wire, as `memory_size`.
    pub wire: &'static str,
    /// The value that the spec asks for, as it goes on the wire: `None` when the spec leaves it out, the fault in words
    /// when it cannot be.
    pub wanted: fn(&S) -> Result<Option<Value>, String>,
    /// The one spelling that equal values share. Gets `Null` for a field that the server leaves out.
    pub canonical: fn(&Value) -> Value,
    /// What may be done to it on a live object.
    pub mutability: Mutability,
}

/// What may be done to a field on a live object.
#[derive(Clone, Copy)]
pub enum Mutability {
    /// Anything.
    Free,
    /// Nothing: it is chosen when the object is created.
    CreateOnly,
    /// It may become larger.
    GrowOnly,
    /// It may become larger, to a multiple of what it is.
    Multiply,
    /// It may be switched on and stays on.
    OneWay,
    /// Anything, but lowering protection needs this word under `allowDowngrades`.
    Guarded {
        /// The word.
        by: Downgrade,
        /// Whether going from the live value to the wanted one, both canonical, lowers protection.
        lowers: fn(&Value, &Value) -> bool,
    },
}

/// What a table found between spec and server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Body of the partial PUT: fields that the spec sets, the server has differently, and that may change.
    pub body: JsonMap,
    /// Every difference, may it be removed or not.
    pub drift: Vec<Drift>,
    /// Differences that may not be removed.
    pub holds: Vec<Hold>,
}

impl Diff {
    /// Compares one field by its row and takes in what follows.
    pub fn compare<S>(&mut self, row: &Field<S>, spec: &S, live: &JsonMap, allowed: &[Downgrade]) {
        let wanted = match (row.wanted)(spec) {
            Ok(Some(wanted)) => wanted,
            Ok(None) => return,
            Err(fault) => return self.hold(row.path, Reason::InvalidSpec, fault),
        };
        let found = live.get(row.wire).unwrap_or(&Value::Null);
        let (want, have) = ((row.canonical)(&wanted), (row.canonical)(found));
        if want == have {
            return;
        }
        self.differs(row.path, &have, &want);
        match refusal(row.mutability, &have, &want, allowed) {
            Some((why, detail)) => self.hold(row.path, why, detail),
            None => {
                self.body.insert(row.wire.to_owned(), wanted);
            }
        }
    }

    /// Notes that a field differs.
    pub fn differs(&mut self, path: &str, live: &Value, wanted: &Value) {
        self.drift.push(Drift {
            path: path.to_owned(),
            live: text(live),
            wanted: text(wanted),
        });
    }

    /// Notes why a field is not set.
    pub fn hold(&mut self, path: &str, why: Reason, detail: String) {
        self.holds.push(Hold {
            what: format!("set {path}"),
            why,
            detail,
        });
    }
}

/// Compares the whole table with what the server has.
pub fn diff<S>(rows: &[Field<S>], spec: &S, live: &JsonMap, allowed: &[Downgrade]) -> Diff {
    let mut diff = Diff::default();
    for row in rows {
        diff.compare(row, spec, live, allowed);
    }
    diff
}

/// Body of a create call: every field that the spec sets, and the faults of those that cannot be.
pub fn wanted<S>(rows: &[Field<S>], spec: &S) -> (JsonMap, Vec<Hold>) {
    let mut body = JsonMap::new();
    let mut holds = Vec::new();
    for row in rows {
        match (row.wanted)(spec) {
            Ok(Some(value)) => {
                body.insert(row.wire.to_owned(), value);
            }
            Ok(None) => {}
            Err(detail) => holds.push(Hold {
                what: format!("set {}", row.path),
                why: Reason::InvalidSpec,
                detail,
            }),
        }
    }
    (body, holds)
}

fn refusal(
    mutability: Mutability,
    have: &Value,
    want: &Value,
    allowed: &[Downgrade],
) -> Option<(Reason, String)> {
    let change = || {
        format!(
            "it is {} and cannot become {} on a live object; set it back",
            text(have),
            text(want)
        )
    };
    match mutability {
        Mutability::Free => None,
        Mutability::CreateOnly => Some((Reason::UnsupportedChange, change())),
        Mutability::Multiply => (!multiple(want, have)).then(|| {
            let detail = format!(
                "it is {} and can only grow, to a multiple of that, not become {}; set it accordingly",
                text(have),
                text(want)
            );
            (Reason::UnsupportedChange, detail)
        }),
        Mutability::GrowOnly => (number(want) < number(have)).then(|| (Reason::UnsupportedChange, change())),
        Mutability::OneWay => (have == &Value::Bool(true)).then(|| (Reason::UnsupportedChange, change())),
        Mutability::Guarded { by, lowers } => (lowers(have, want) && !allowed.contains(&by)).then(|| {
            let detail = format!(
                "going from {} to {} lowers protection; list {by:?} under spec.allowDowngrades if that is meant, or set it \
                 back",
                text(have),
                text(want)
            );
            (Reason::DowngradeNotAllowed, detail)
        }),
    }
}

fn multiple(want: &Value, have: &Value) -> bool {
    match (want.as_u64(), have.as_u64()) {
        (Some(want), Some(have)) => want > have && want.is_multiple_of(have.max(1)),
        (None, _) | (_, None) => false,
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// A value as people read it: text bare, an absent one as `unset`, anything else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "unset".to_owned(),
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Canonical as it is.
pub fn exact(value: &Value) -> Value {
    value.clone()
}

/// Numbers compare by value, however they are written (`600`, `600.0`, `"600"`); anything else as it is.
pub fn numeric(value: &Value) -> Value {
    let parsed = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    parsed.map_or_else(|| value.clone(), whole)
}

fn whole(number: f64) -> Value {
    number
        .to_string()
        .parse::<i64>()
        .map_or_else(|_| Value::from(number), Value::from)
}

/// Text compares without regard to case; anything else as it is.
pub fn caseless(value: &Value) -> Value {
    value
        .as_str()
        .map_or_else(|| value.clone(), |text| Value::from(text.to_lowercase()))
}

/// A switch that the server leaves out is off.
pub fn switch(value: &Value) -> Value {
    if value.is_null() {
        Value::Bool(false)
    } else {
        value.clone()
    }
}

/// A proxy policy on the wire.
pub fn proxy_policy(policy: ProxyPolicy) -> Value {
    Value::from(match policy {
        ProxyPolicy::Single => "single",
        ProxyPolicy::AllMasterShards => "all-master-shards",
        ProxyPolicy::AllNodes => "all-nodes",
    })
}

/// A shard placement on the wire.
pub fn shard_placement(placement: ShardPlacement) -> Value {
    Value::from(match placement {
        ShardPlacement::Dense => "dense",
        ShardPlacement::Sparse => "sparse",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Spec(Option<Value>);

    fn row(mutability: Mutability) -> Field<Spec> {
        Field {
            path: "spec.size",
            wire: "size",
            wanted: |spec| Ok(spec.0.clone()),
            canonical: numeric,
            mutability,
        }
    }

    fn compare(mutability: Mutability, wanted: Value, live: Value, allowed: &[Downgrade]) -> Diff {
        let live = [("size".to_owned(), live)].into_iter().collect();
        diff(&[row(mutability)], &Spec(Some(wanted)), &live, allowed)
    }

    #[test]
    fn a_field_left_out_is_never_compared() {
        let live = [("size".to_owned(), json!(1))].into_iter().collect();
        assert_eq!(
            diff(&[row(Mutability::Free)], &Spec(None), &live, &[]),
            Diff::default()
        );
    }

    #[test]
    fn spellings_of_one_number_are_no_drift() {
        assert_eq!(
            compare(Mutability::Free, json!(600), json!(600.0), &[]),
            Diff::default()
        );
        assert_eq!(
            compare(Mutability::Free, json!(600), json!("600"), &[]),
            Diff::default()
        );
    }

    #[test]
    fn a_difference_goes_into_the_body_as_the_spec_spells_it() {
        let found = compare(Mutability::Free, json!(2), json!(1), &[]);
        assert_eq!(Value::from(found.body), json!({"size": 2}));
        assert_eq!(
            found.drift,
            [Drift {
                path: "spec.size".into(),
                live: "1".into(),
                wanted: "2".into()
            }]
        );
    }

    #[test]
    fn what_may_not_change_is_drift_and_a_hold_but_no_body() {
        for (mutability, live) in [(Mutability::CreateOnly, 1), (Mutability::GrowOnly, 3)] {
            let found = compare(mutability, json!(2), json!(live), &[]);
            assert!(found.body.is_empty());
            assert_eq!(found.holds[0].why, Reason::UnsupportedChange);
            assert_eq!(found.drift.len(), 1);
        }
        assert!(
            compare(Mutability::GrowOnly, json!(2), json!(1), &[])
                .holds
                .is_empty()
        );
    }

    #[test]
    fn a_one_way_switch_only_goes_on() {
        let found = compare(Mutability::OneWay, json!(false), json!(true), &[]);
        assert_eq!(found.holds[0].why, Reason::UnsupportedChange);
        assert!(
            compare(Mutability::OneWay, json!(true), json!(false), &[])
                .holds
                .is_empty()
        );
    }

    #[test]
    fn lowering_protection_needs_its_word() {
        let guarded = Mutability::Guarded {
            by: Downgrade::Memory,
            lowers: |have, want| number(want) < number(have),
        };
        assert_eq!(
            compare(guarded, json!(1), json!(2), &[]).holds[0].why,
            Reason::DowngradeNotAllowed
        );
        assert!(
            compare(guarded, json!(1), json!(2), &[Downgrade::Memory])
                .holds
                .is_empty()
        );
        assert!(compare(guarded, json!(2), json!(1), &[]).holds.is_empty());
    }
}
