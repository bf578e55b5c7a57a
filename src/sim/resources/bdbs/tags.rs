//! What the tags of a database have to be.

use crate::sim::call::ApiError;
use crate::sim::resources::SPECIAL_CHARACTERS;
use crate::sim::version::Profile;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Keys that are kept for the tags of the system.
const SYSTEM_KEYS: [&str; 3] = ["cluster", "db", "redis"];
/// So many tags that meet the rules may be on a database.
const COUNT_MAX: usize = 30;
const KEY_CHARS_MAX: usize = 64;
const VALUE_CHARS_MAX: usize = 128;

/// Takes off the mark of system tags: RS works it out, whatever a request says.
pub(super) fn unmark(named: &mut Map<String, Value>) {
    let tags = named.get_mut("tags").and_then(Value::as_array_mut);
    for tag in tags.into_iter().flatten().filter_map(Value::as_object_mut) {
        tag.remove("isSystem");
    }
}

/// Checks the tags that a database is to have against the rules of its version. Since 8.2 one that was there `before` may stay
/// as it is.
///
/// # Errors
/// `invalid_bdb_tags`.
pub(super) fn check(
    profile: Profile,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Result<(), ApiError> {
    let (rules, before): (fn(&str, &str) -> Option<String>, _) = if profile < Profile::V8_2_0 {
        (forbidden_characters, BTreeSet::new())
    } else {
        (fault, pairs(before).collect())
    };
    let mut keys = BTreeSet::new();
    let twice = pairs(after).find(|(key, _)| !keys.insert(*key));
    let twice = twice.map(|(key, _)| format!("the key {key:?} appears twice"));
    let mut touched = pairs(after).filter(|tag| !before.contains(tag));
    let wrong = twice.or_else(|| touched.find_map(|(key, value)| rules(key, value)));
    let counted = pairs(after).filter(|(key, value)| fault(key, value).is_none());
    let many = profile >= Profile::V8_2_0 && counted.count() > COUNT_MAX;
    match wrong.or_else(|| many.then(|| format!("there are more than {COUNT_MAX}"))) {
        Some(why) => Err(ApiError::not_acceptable(
            "invalid_bdb_tags",
            format!("tags: {why}"),
        )),
        None => Ok(()),
    }
}

fn pairs(set: &Map<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    let tags = set.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.map(|tag| (part(tag, "key"), part(tag, "value")))
}

fn part<'a>(tag: &'a Value, name: &str) -> &'a str {
    tag.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What the versions before 8.2 refuse.
fn forbidden_characters(key: &str, value: &str) -> Option<String> {
    let has = |text: &str| text.contains(SPECIAL_CHARACTERS);
    (key.is_empty() || has(key) || has(value)).then(|| format!("{key:?} has characters that are not allowed"))
}

/// What is wrong with a tag since 8.2.
fn fault(key: &str, value: &str) -> Option<String> {
    let in_value = |c: char| c.is_ascii_alphanumeric() || " ._+-@:/".contains(c);
    if !is_key(key) {
        return Some(format!(
            "the key {key:?} is reserved, or not 1 to {KEY_CHARS_MAX} letters, digits and underscores without a digit first"
        ));
    }
    if value.trim().is_empty() || value.chars().count() > VALUE_CHARS_MAX || !value.chars().all(in_value) {
        return Some(format!(
            "the value of {key:?} is not 1 to {VALUE_CHARS_MAX} letters, digits, spaces and . _ + - @ : /"
        ));
    }
    None
}

/// Whether a tag may have this key since 8.2.
pub(crate) fn is_key(key: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=KEY_CHARS_MAX).contains(&key.len())
        && key.chars().all(word)
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && !SYSTEM_KEYS.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::{check, fault};
    use crate::sim::testbed::Bed;
    use crate::sim::version::Profile;
    use serde_json::{Map, Value, json};

    fn body(tags: Value) -> Value {
        json!({"name": "db1", "memory_size": 1 << 30, "redis_version": "7.2", "tags": tags})
    }

    fn set(tags: Value) -> Map<String, Value> {
        body(tags).as_object().unwrap().clone()
    }

    #[test]
    fn keys_and_values_have_rules_since_8_2() {
        for key in ["env", "TEAM", "_owner", "app_1", &"k".repeat(64)] {
            assert_eq!(fault(key, "v"), None, "{key}");
        }
        for key in [
            "",
            " ",
            "1team",
            "env.prod",
            "team-name",
            "region:az",
            "with space",
            "bad/key",
            "é",
            "redis",
            "cluster",
            "db",
            &"k".repeat(65),
        ] {
            assert!(fault(key, "v").is_some(), "{key}");
        }
        for value in [
            "prod",
            "Team A",
            "us-east-1",
            "service/api",
            "o@example.com",
            "v1.2.3",
            "a+b:c_d",
            &"v".repeat(128),
        ] {
            assert_eq!(fault("k", value), None, "{value}");
        }
        for value in ["", " ", "v!", "a&b", &"v".repeat(129)] {
            assert!(fault("k", value).is_some(), "{value}");
        }
    }

    #[test]
    fn versions_before_8_2_refuse_four_characters_and_empty_keys() {
        for (profile, status) in [
            (Profile::V7_4_6, 200),
            (Profile::V8_0_20, 200),
            (Profile::V8_2_0, 406),
        ] {
            let tag = body(json!([{"key": "team-name", "value": "v!"}]));
            assert_eq!(
                Bed::of(profile).call("POST", "/v1/bdbs", tag).0,
                status,
                "{profile}"
            );
            let tag = body(json!([{"key": "", "value": "v"}]));
            let refused = (406, "invalid_bdb_tags".to_owned());
            assert_eq!(
                Bed::of(profile).refused("POST", "/v1/bdbs", tag),
                refused,
                "{profile}"
            );
        }
    }

    #[test]
    fn a_database_has_thirty_tags_at_most_without_those_from_before() {
        let old = json!({"key": "team-name", "value": "a"});
        let of = |count: usize| {
            let tags = (0..count).map(|number| json!({"key": format!("k{number}"), "value": "v"}));
            set(tags.chain([old.clone()]).collect())
        };
        let before = set(json!([old]));
        assert!(check(Profile::V8_2_0, &before, &of(30)).is_ok());
        assert!(check(Profile::V8_2_0, &before, &of(31)).is_err());
        assert!(check(Profile::V8_0_20, &before, &of(31)).is_ok());
    }

    #[test]
    fn a_tag_from_before_may_stay_and_go_but_not_change() {
        let before = set(json!([{"key": "team-name", "value": "a"}]));
        for (tags, fits) in [
            (
                json!([{"key": "team-name", "value": "a"}, {"key": "env", "value": "prod"}]),
                true,
            ),
            (json!([]), true),
            (json!([{"key": "team-name", "value": "b"}]), false),
            (json!([{"key": "team.name", "value": "a"}]), false),
        ] {
            assert_eq!(
                check(Profile::V8_2_0, &before, &set(tags.clone())).is_ok(),
                fits,
                "{tags}"
            );
        }
    }

    #[test]
    fn the_mark_of_system_tags_is_ignored_in_requests() {
        let mut bed = Bed::new();
        let marked = json!([{"key": "env", "value": "prod", "isSystem": true}]);
        bed.database(body(marked.clone()));
        let plain = json!([{"key": "env", "value": "prod"}]);
        assert_eq!(bed.ok("GET", "/v1/bdbs/1", Value::Null)["tags"], plain);
        let same = bed.ok("PUT", "/v1/bdbs/1", json!({"tags": marked.clone()}));
        assert_eq!((&same["tags"], &same["status"]), (&plain, &json!("active")));
        let mut old = Bed::of(Profile::V8_0_20);
        assert_ne!(old.call("POST", "/v1/bdbs", body(marked)).0, 200);
    }
}
