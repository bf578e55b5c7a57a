//! Redis ACLs that a database's version of Redis has no syntax for.

use super::{Candidate, Verdict, refuse};
use crate::sim::state::Cluster;
use serde_json::Value;

/// How rules begin that came with a version of Redis (security/access-control/redis-acl-overview).
const SINCE: [(&str, &str); 6] = [
    ("&", "6.2"),
    ("allchannels", "6.2"),
    ("resetchannels", "6.2"),
    ("%", "7.2"),
    ("(", "7.2"),
    ("clearselectors", "7.2"),
];

/// Judges what is being bound: what a database has stays.
pub(super) fn check(cluster: &Cluster, candidate: &Candidate<'_>) -> Verdict {
    let version = candidate.text("redis_version");
    let permissions = candidate.named.get("roles_permissions").and_then(Value::as_array);
    let uids = permissions
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("redis_acl_uid")?.as_u64());
    for uid in uids {
        let acl = cluster.documents.get("redis_acls", uid);
        let rules = acl.and_then(|acl| acl.get("acl")?.as_str()).unwrap_or_default();
        if let Some(needed) = least_version(rules).filter(|needed| version < *needed) {
            let text = format!("roles_permissions: ACL {uid} needs Redis {needed}");
            return refuse("redis_acl_unsupported", text);
        }
    }
    Ok(())
}

/// The first version of Redis that has the syntax of these rules; `None` if every one has.
fn least_version(acl: &str) -> Option<&'static str> {
    let of_rule = |rule: &str| SINCE.iter().find(|(start, _)| rule.starts_with(start));
    let versions = acl.split_whitespace().filter_map(of_rule);
    versions.map(|(_, version)| *version).max()
}

#[cfg(test)]
mod tests {
    use crate::sim::testbed::Bed;
    use crate::sim::version::Profile::V7_4_6;
    use serde_json::{Value, json};

    fn bound(version: &str, acl: u64) -> Value {
        let permissions = json!([{"role_uid": 4, "redis_acl_uid": acl}]);
        json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": version, "roles_permissions": permissions,
        })
    }

    #[test]
    fn an_acl_is_bound_to_databases_that_have_its_syntax_only() {
        for (acl, least) in [
            ("+@read ~app*", "6.0"),
            ("+@read &news", "6.2"),
            ("+@read resetchannels", "6.2"),
            ("+@read allchannels", "6.2"),
            ("+@read %R~app*", "7.2"),
            ("+@read %RW~app* &news", "7.2"),
            ("+GET ~key1 (+SET ~key2)", "7.2"),
            ("+GET clearselectors", "7.2"),
        ] {
            let mut bed = Bed::of(V7_4_6);
            let rules = json!({"name": "own", "acl": acl});
            let uid = bed.ok("POST", "/v1/redis_acls", rules)["uid"].as_u64().unwrap();
            for version in ["6.0", "6.2", "7.2"] {
                let (status, answer) = bed.call("POST", "/v1/bdbs", bound(version, uid));
                assert_eq!(status == 200, version >= least, "{acl} {version}: {answer}");
                if status != 200 {
                    assert_eq!(
                        (status, &answer["error_code"]),
                        (406, &json!("redis_acl_unsupported"))
                    );
                }
            }
        }
    }

    #[test]
    fn full_access_to_channels_is_not_bound_anew_to_a_database_without_their_syntax() {
        let mut bed = Bed::of(V7_4_6);
        let uid = bed.database(bound("6.0", 1));
        for default in ["allchannels", "resetchannels"] {
            bed.ok(
                "PUT",
                "/v1/cluster/policy",
                json!({"acl_pubsub_default": default}),
            );
        }
        let path = format!("/v1/bdbs/{uid}");
        let permissions = json!({"roles_permissions": [{"role_uid": 5, "redis_acl_uid": 1}]});
        let refused = bed.refused("PUT", &path, permissions);
        assert_eq!(refused, (406, "redis_acl_unsupported".to_owned()));
        bed.ok("PUT", &path, json!({"max_connections": 9}));
    }
}
