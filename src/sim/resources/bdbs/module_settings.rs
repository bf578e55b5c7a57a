//! How the modules of a database are configured, as the database shows it: the documented defaults, and over them what was set.
//! What is recorded of a database is kept and shown in the same way.

use super::render::{View, has_module};
use super::store::Database;
use crate::sim::resources::merge;
use crate::sim::schema::{self, bdb, find};
use crate::sim::state::Env;
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use serde_json::{Map, Value};
use std::borrow::Cow;

const PERFORMANCE: &str = "query_performance_factor";
/// The fields of a database that configure modules.
pub(super) const FIELDS: [&str; 4] = ["search", "timeseries", "probabilistic", PERFORMANCE];
/// Settings of other matters that are updated in part as well.
const OTHERS: [&str; 2] = ["audit_settings", LIMITS];
/// Limits of a synchronisation.
const LIMITS: &str = "gradual_sync_policy_parameters";

/// The module that a field configures, if the field says nothing without it.
fn module(field: &str) -> Option<&'static str> {
    match field {
        "search" => Some("search"),
        "timeseries" => Some("timeseries"),
        "probabilistic" => Some("bf"),
        _ => None,
    }
}

/// Every setting that has a default, by field. The query performance factor has its own in the table of databases.
pub(super) fn defaults(profile: Profile) -> impl Iterator<Item = (String, Value)> {
    let fields = FIELDS.into_iter().filter(|field| module(field).is_some());
    fields.filter_map(move |field| Some((field.to_owned(), Value::Object(defaults_of(profile, field)?))))
}

/// What a field of settings starts with: its own default, else those of its parts.
fn defaults_of(profile: Profile, field: &str) -> Option<Map<String, Value>> {
    let field = find(bdb::FIELDS, profile, field)?;
    let of_parts = || Some(schema::defaults(field.kind.fields()?, profile));
    serde_json::from_str(field.default).ok().or_else(of_parts)
}

/// Whether the reader asked for a field of a database; all but settings are shown unasked.
pub(super) fn asked(env: &Env, view: &View, field: &str) -> bool {
    let on_request =
        module(field).is_some() || field == PERFORMANCE && env.on(Switch::PerformanceFactorExtendedOnly);
    view.extended || !on_request
}

/// Whether a field that nobody set is shown: settings are with their module.
pub(super) fn default_shows(env: &Env, database: &Database, view: &View, field: &str) -> bool {
    asked(env, view, field) && module(field).is_none_or(|module| has_module(env.profile, database, module))
}

/// What a field shows that was set: settings, also of audits, and the limits of a synchronisation fill up with the defaults.
pub(super) fn over<'a>(defaults: &Map<String, Value>, field: &str, set: &'a Value) -> Cow<'a, Value> {
    let fills_up = FIELDS.contains(&field) || OTHERS.contains(&field);
    let default = defaults.get(field).filter(|_| fills_up);
    match (default, set) {
        (Some(Value::Object(default)), Value::Object(set)) => Cow::Owned(Value::Object(merged(default, set))),
        _ => Cow::Borrowed(set),
    }
}

/// Completes what an update names by the settings from `before` that it leaves out.
pub(super) fn keep(env: &Env, before: &Map<String, Value>, named: &mut Map<String, Value>) {
    for field in FIELDS.into_iter().chain(OTHERS).filter(|field| keeps(env, field)) {
        if let (Some(Value::Object(old)), Some(Value::Object(new))) =
            (before.get(field), named.get_mut(field))
        {
            *new = merged(old, new);
        }
    }
}

/// Whether an update keeps the settings of this field that it leaves out.
fn keeps(env: &Env, field: &str) -> bool {
    OTHERS.contains(&field) || !env.on(Switch::ModuleSettingsReplaced)
}

/// Takes away the limits of a synchronisation if its policy has its own, as all but the custom one do.
pub(super) fn normalize(set: &mut Map<String, Value>) {
    if set.get("gradual_sync_policy").and_then(Value::as_str) != Some("custom") {
        set.remove(LIMITS);
    }
}

/// Whether an update that names these settings of a database leaves the field as it is shown.
pub(super) fn has(env: &Env, database: &Database, field: &str, named: &Value) -> bool {
    let settings = FIELDS.contains(&field) || OTHERS.contains(&field);
    let (true, Some(named)) = (settings, named.as_object()) else {
        return false;
    };
    let set = database.set.get(field).and_then(Value::as_object);
    if set.is_none() && module(field).is_some_and(|module| !has_module(env.profile, database, module)) {
        return false;
    }
    let (none, defaults) = (Map::new(), defaults_of(env.profile, field).unwrap_or_default());
    let own = merged(&defaults, set.unwrap_or(&none));
    let kept = if keeps(env, field) { &own } else { &defaults };
    merged(kept, named) == own
}

/// One over the other, objects in them too.
fn merged(below: &Map<String, Value>, above: &Map<String, Value>) -> Map<String, Value> {
    let mut all = below.clone();
    merge(&mut all, above.clone());
    all
}

#[cfg(test)]
mod tests {
    use super::FIELDS;
    use crate::sim::switch::Switch;
    use crate::sim::testbed::Bed;
    use crate::sim::version::Profile;
    use serde_json::{Value, json};

    /// A database of Redis 8 has every module.
    fn bundled() -> Value {
        json!({"name": "db1", "memory_size": 1 << 30, "redis_version": "8.2"})
    }

    fn old(modules: &Value) -> Value {
        json!({"name": "db1", "memory_size": 1 << 30, "redis_version": "7.2", "module_list": modules})
    }

    #[track_caller]
    fn extended(bed: &mut Bed) -> Value {
        let one = bed.ok("GET", "/v1/bdbs/1?extended=true", Value::Null);
        let all = bed.ok("GET", "/v1/bdbs?extended=true", Value::Null);
        assert_eq!(all, json!([one]));
        one
    }

    fn shown(object: &Value) -> Vec<&'static str> {
        FIELDS
            .into_iter()
            .filter(|field| object.get(field).is_some())
            .collect()
    }

    #[test]
    fn extended_adds_the_documented_defaults() {
        let mut bed = Bed::new();
        bed.database(bundled());
        let object = extended(&mut bed);
        for (field, of) in [("search", 46), ("timeseries", 6), ("probabilistic", 8)] {
            assert_eq!(object[field].as_object().unwrap().len(), of, "{field}");
        }
        for (field, key, value) in [
            ("search", "search-timeout", json!(500)),
            ("search", "search-max-aggregate-results", json!(2_147_483_648_u64)),
            ("search", "search-default-scorer", json!("BM25STD")),
            ("search", "search-_print-profile-clock", json!(true)),
            ("timeseries", "ts-duplicate-policy", json!("BLOCK")),
            ("timeseries", "ts-chunk-size-bytes", json!(4096)),
            ("probabilistic", "bf-error-rate", json!(0.01)),
            ("probabilistic", "cf-max-expansions", json!(32)),
            ("query_performance_factor", "scaling_factor", json!(0)),
        ] {
            assert_eq!(object[field][key], value, "{key}");
        }
        let named = bed.ok("GET", "/v1/bdbs?fields=uid,timeseries&extended=true", Value::Null);
        assert_eq!(named, json!([{"uid": 1, "timeseries": object["timeseries"]}]));
    }

    #[test]
    fn without_extended_settings_are_absent_whether_set_or_not() {
        for (switch, own) in [
            (None, vec!["query_performance_factor"]),
            (Some(Switch::PerformanceFactorExtendedOnly), vec![]),
        ] {
            let mut bed = switch.map_or_else(Bed::new, Bed::switched);
            let mut body = bundled();
            for round in 0..2 {
                bed.database(body.clone());
                let uid = round + 1;
                let object = bed.ok("GET", &format!("/v1/bdbs/{uid}"), Value::Null);
                assert_eq!(shown(&object), own, "{body}");
                let path = format!("/v1/bdbs/{uid}?fields=uid,search,query_performance_factor");
                let named = bed.ok("GET", &path, Value::Null);
                assert_eq!(shown(&named), own, "{body}");
                body["search"] = json!({"search-timeout": 9});
                body["query_performance_factor"] = json!({"active": true});
            }
        }
    }

    #[test]
    fn a_database_has_the_settings_of_its_own_modules() {
        for (modules, has) in [
            (json!([]), vec![]),
            (json!([{"module_name": "search"}]), vec!["search"]),
            (
                json!([{"module_name": "bf"}, {"module_name": "timeseries"}]),
                vec!["timeseries", "probabilistic"],
            ),
        ] {
            let mut bed = Bed::new();
            bed.database(old(&modules));
            let mut wanted = has.clone();
            wanted.push("query_performance_factor");
            assert_eq!(shown(&extended(&mut bed)), wanted, "{modules}");
        }
    }

    #[test]
    fn versions_whose_pages_lack_the_settings_neither_show_nor_take_them() {
        for profile in Profile::ALL {
            let known = profile >= Profile::V8_0_20;
            let mut bed = Bed::of(profile);
            bed.database(old(&json!([{"module_name": "search"}])));
            let has = if known {
                vec!["search", "query_performance_factor"]
            } else {
                vec![]
            };
            assert_eq!(shown(&extended(&mut bed)), has, "{profile}");
            for field in FIELDS {
                let (status, answer) = bed.call("PUT", "/v1/bdbs/1?dry_run", json!({field: {}}));
                assert_eq!(
                    status,
                    if known { 200 } else { 400 },
                    "{profile} {field}: {answer}"
                );
            }
        }
    }

    #[test]
    fn what_is_set_reads_back_beside_the_defaults() {
        let mut bed = Bed::new();
        let mut body = bundled();
        body["probabilistic"] = json!({"bf-error-rate": 0, "cf-bucket-size": 255});
        bed.database(body);
        let before = extended(&mut bed);
        assert_eq!(before["probabilistic"]["bf-error-rate"], 0);
        assert_eq!(before["probabilistic"]["bf-initial-size"], 100);
        let update = json!({
            "search": {"search-max-doctablesize": u64::MAX, "search-on-oom": "ignore", "search-ext-load": "/opt/x.so"},
            "query_performance_factor": {"scaling_factor": 16},
        });
        bed.ok("PUT", "/v1/bdbs/1", update.clone());
        bed.pass(60);
        let after = extended(&mut bed);
        let mut wanted = before.clone();
        for (field, settings) in update.as_object().unwrap() {
            for (key, value) in settings.as_object().unwrap() {
                wanted[field][key] = value.clone();
            }
        }
        for field in FIELDS {
            assert_eq!(after[field], wanted[field], "{field}");
        }
    }

    #[test]
    fn an_update_keeps_the_settings_that_it_leaves_out_unless_the_switch_says_otherwise() {
        for (switch, timeout) in [(None, 9), (Some(Switch::ModuleSettingsReplaced), 500)] {
            let mut bed = switch.map_or_else(Bed::new, Bed::switched);
            let mut body = bundled();
            body["search"] = json!({"search-timeout": 9, "search-workers": 3});
            bed.database(body);
            bed.ok("PUT", "/v1/bdbs/1", json!({"search": {"search-workers": 4}}));
            bed.pass(60);
            let search = &extended(&mut bed)["search"];
            assert_eq!(
                (&search["search-workers"], &search["search-timeout"]),
                (&json!(4), &json!(timeout)),
                "{switch:?}"
            );
        }
    }

    #[test]
    fn settings_as_they_are_start_nothing() {
        let mut bed = Bed::new();
        bed.database(bundled());
        for body in [
            json!({"search": {"search-timeout": 500}}),
            json!({"timeseries": {}}),
            json!({"query_performance_factor": {"active": false}}),
        ] {
            let answer = bed.ok("PUT", "/v1/bdbs/1", body.clone());
            assert_eq!(answer["status"], "active", "{body}");
        }
    }

    #[test]
    fn what_the_pages_do_not_allow_is_refused() {
        let mut bed = Bed::new();
        bed.database(bundled());
        let before = extended(&mut bed);
        for (field, key, value, status) in [
            ("search", "search-timeout", json!(0), 406),
            ("search", "search-timeout", json!("500"), 400),
            ("search", "search-max-doctablesize", json!(0), 406),
            ("search", "search-default-dialect", json!(5), 406),
            ("search", "search-on-timeout", json!("return"), 406),
            ("search", "search-no-gc", json!("yes"), 400),
            ("search", "search-colour", json!(1), 400),
            ("search", "ts-encoding", json!("COMPRESSED"), 400),
            ("timeseries", "ts-num-threads", json!(17), 406),
            ("timeseries", "ts-ignore-max-val-diff", json!("0"), 400),
            ("probabilistic", "bf-error-rate", json!(1.5), 406),
            ("probabilistic", "cf-bucket-size", json!(256), 406),
            ("query_performance_factor", "scaling_factor", json!(17), 406),
            ("query_performance_factor", "active", json!(1), 400),
        ] {
            let settings = json!({key: value});
            let code = if status == 406 {
                "invalid_param"
            } else {
                "invalid_schema"
            };
            let mut creation = bundled();
            creation[field] = settings.clone();
            for (method, path, body) in [
                ("PUT", "/v1/bdbs/1", json!({field: settings})),
                ("POST", "/v1/bdbs", creation),
            ] {
                assert_eq!(
                    bed.refused(method, path, body),
                    (status, code.to_owned()),
                    "{method} {key} {value}"
                );
            }
        }
        assert_eq!(bed.refused("PUT", "/v1/bdbs/1", json!({"search": []})).0, 400);
        assert_eq!(extended(&mut bed), before);
    }
}
