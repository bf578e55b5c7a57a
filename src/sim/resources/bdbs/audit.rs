//! What of a database is recorded, as `audit_settings` and the flag from before 8.2 say.

use crate::sim::resources::auditing::is_audited;
use crate::sim::version::Profile;
use serde_json::{Map, Value, json};

/// Whether connections are recorded: all that databases said before 8.2.
pub(super) const FLAG: &str = "db_conns_auditing";

/// Lets the flag and the mode among `given` say the same, as they do since 8.2. A mode goes first; a flag that stays as it `was`
/// leaves the mode alone, which may be the one of commands.
pub(super) fn agree(profile: Profile, was: bool, given: &mut Map<String, Value>) {
    if profile < Profile::V8_2_0 {
        return;
    }
    let settings = given.get("audit_settings");
    let mode = settings.and_then(|settings| settings.get("audit_mode"));
    let flag = given.get(FLAG).and_then(Value::as_bool);
    match (mode, flag) {
        (Some(_), _) => {
            let on = is_audited(given);
            given.insert(FLAG.to_owned(), json!(on));
        }
        (None, Some(flag)) if flag != was => {
            let settings = given.entry("audit_settings").or_insert_with(|| json!({}));
            if let Value::Object(settings) = settings {
                let mode = if flag { "connection" } else { "disabled" };
                settings.insert("audit_mode".to_owned(), json!(mode));
            }
        }
        (None, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::resources::auditing::PATH;
    use crate::sim::testbed::Bed;
    use crate::sim::version::Profile;
    use serde_json::{Value, json};

    /// A cluster with a place for records, and a database.
    fn bed(profile: Profile) -> Bed {
        let mut bed = Bed::of(profile);
        let sink = json!({"audit_protocol": "local", "audit_address": "/tmp/audit"});
        bed.ok("PUT", PATH, sink);
        bed.database(json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"}));
        bed
    }

    #[track_caller]
    fn updated(bed: &mut Bed, body: Value) -> Value {
        bed.ok("PUT", "/v1/bdbs/1", body);
        bed.pass(60);
        bed.ok("GET", "/v1/bdbs/1", Value::Null)
    }

    #[test]
    fn settings_that_nobody_made_are_shown_as_documented() {
        let mut bed = bed(Profile::V8_2_0);
        let shown = bed.ok("GET", "/v1/bdbs/1", Value::Null);
        assert_eq!(
            shown["audit_settings"],
            json!({
                "audit_mode": "disabled", "max_total_key_bytes": 131_072,
                "username_filter": {
                    "enabled": false, "usernames": [], "filter_type": "inclusive",
                    "allow_while_username_unknown": false,
                },
                "source_ip_filter": {
                    "enabled": false, "ip_addresses": [], "cidr_ranges": [], "filter_type": "inclusive",
                },
            })
        );
    }

    #[test]
    fn an_update_keeps_what_it_leaves_out_also_of_a_filter() {
        let mut bed = bed(Profile::V8_2_0);
        let filter = json!({"enabled": true, "usernames": ["app"], "filter_type": "exclusive"});
        updated(
            &mut bed,
            json!({"audit_settings": {"audit_mode": "connection_and_crud", "username_filter": filter}}),
        );
        let off = json!({"audit_settings": {"username_filter": {"enabled": false}}});
        let shown = updated(&mut bed, off.clone())["audit_settings"].clone();
        assert_eq!(shown["audit_mode"], "connection_and_crud");
        assert_eq!(shown["username_filter"]["enabled"], false);
        assert_eq!(shown["username_filter"]["usernames"], json!(["app"]));
        assert_eq!(shown["username_filter"]["filter_type"], "exclusive");
        let again = bed.ok("PUT", "/v1/bdbs/1", off);
        assert_eq!(again["status"], "active", "nothing changes");
    }

    #[test]
    fn the_old_flag_and_the_mode_say_the_same_and_the_mode_goes_first() {
        let mut bed = bed(Profile::V8_2_0);
        for (body, flag, mode) in [
            (json!({"db_conns_auditing": true}), true, "connection"),
            (
                json!({"audit_settings": {"audit_mode": "connection_and_crud"}}),
                true,
                "connection_and_crud",
            ),
            (json!({"db_conns_auditing": true}), true, "connection_and_crud"),
            (json!({"db_conns_auditing": false}), false, "disabled"),
            (
                json!({"db_conns_auditing": false, "audit_settings": {"audit_mode": "connection"}}),
                true,
                "connection",
            ),
            (
                json!({"audit_settings": {"audit_mode": "disabled"}}),
                false,
                "disabled",
            ),
        ] {
            let shown = updated(&mut bed, body.clone());
            let seen = (
                &shown["db_conns_auditing"],
                &shown["audit_settings"]["audit_mode"],
            );
            assert_eq!(seen, (&json!(flag), &json!(mode)), "{body}");
        }
        let made =
            json!({"name": "new", "memory_size": 1 << 28, "redis_version": "7.2", "db_conns_auditing": true});
        let made = bed.ok("POST", "/v1/bdbs", made);
        assert_eq!(made["audit_settings"]["audit_mode"], "connection");
    }

    #[test]
    fn the_flag_stands_alone_before_8_2() {
        let mut bed = bed(Profile::V8_0_20);
        let shown = updated(&mut bed, json!({"db_conns_auditing": true}));
        assert_eq!(shown["db_conns_auditing"], true);
        assert!(shown.get("audit_settings").is_none());
    }
}
