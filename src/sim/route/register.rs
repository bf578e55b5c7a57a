//! Which calls the documentation of the REST API has, written down by its sections and in its wording, apart from the tables
//! that the simulator serves. The tables are held against it: a call that they lose or gain does not pass unnoticed.

use super::{Found, TABLES, find};
use crate::sim::fixture::Fixture;
use crate::sim::resources::crdbs::is_left_out;
use crate::sim::version::Profile::{self, V7_8_6, V7_22_2, V8_0_20};
use serde_json::json;
use std::collections::BTreeSet;

/// Calls, each as methods and a path.
type Calls = &'static [(&'static str, &'static str)];

/// Every documented call of the newest version, by section.
#[rustfmt::skip]
const SECTIONS: &[(&str, Calls)] = &[
    ("bootstrap", &[
        ("GET", "/v1/bootstrap"),
        ("POST", "/v1/bootstrap/{action}"),
        ("POST", "/v1/bootstrap/validate/{action}"),
    ]),
    ("nodes", &[
        ("GET", "/v1/nodes"),
        ("GET PUT", "/v1/nodes/{uid}"),
        ("GET", "/v1/nodes/status"),
        ("GET", "/v1/nodes/{uid}/status"),
        ("GET", "/v1/nodes/check/{uid}"),
        ("GET", "/v1/nodes/alerts"),
        ("GET", "/v1/nodes/alerts/{uid}"),
        ("GET", "/v1/nodes/alerts/{uid}/{alert}"),
        ("GET", "/v1/nodes/{uid}/snapshots"),
        ("DELETE", "/v1/nodes/{uid}/snapshots/{snapshot_name}"),
        ("GET", "/v1/nodes/debuginfo"),
        ("GET", "/v1/nodes/{node_uid}/debuginfo"),
        ("GET", "/v1/debuginfo/node"),
        ("GET", "/v1/debuginfo/all"),
    ]),
    ("actions of nodes", &[
        ("GET", "/v1/nodes/actions"),
        ("GET", "/v1/nodes/{node_uid}/actions"),
        ("GET POST DELETE", "/v1/nodes/{node_uid}/actions/{action}"),
    ]),
    ("actions", &[
        ("GET", "/v1/actions"),
        ("GET", "/v1/actions/{uid}"),
        ("GET", "/v1/actions/bdb/{bdb_uid}"),
        ("GET", "/v2/actions"),
        ("GET", "/v2/actions/{uid}"),
    ]),
    ("cluster", &[
        ("GET PUT", "/v1/cluster"),
    ]),
    ("policy of the cluster", &[
        ("GET PUT", "/v1/cluster/policy"),
    ]),
    ("further resources of the cluster", &[
        ("GET", "/v1/cluster/check"),
        ("GET", "/v1/cluster/actions"),
        ("GET POST DELETE", "/v1/cluster/actions/{action}"),
        ("GET", "/v1/cluster/alerts"),
        ("GET", "/v1/cluster/alerts/{alert}"),
        ("GET PUT DELETE", "/v1/cluster/ldap"),
        ("GET PUT DELETE", "/v1/cluster/sso"),
        ("GET", "/v1/cluster/sso/saml/metadata/sp"),
        ("POST", "/v1/cluster/sso/saml/metadata/idp"),
        ("GET PUT DELETE", "/v1/cluster/auditing/db_conns"),
        ("PATCH", "/v1/cluster/change_password_hashing_algorithm"),
        ("GET", "/v1/cluster/module-capabilities"),
        ("GET", "/v1/cluster/debuginfo"),
    ]),
    ("licence", &[
        ("GET PUT", "/v1/license"),
    ]),
    ("certificates of the cluster", &[
        ("GET PUT", "/v1/cluster/certificates"),
        ("PUT", "/v1/cluster/update_cert"),
        ("POST", "/v1/cluster/certificates/rotate"),
        ("DELETE", "/v1/cluster/certificates/{certificate_name}"),
    ]),
    // What the page writes as PUT /v1/bdbs/{uid}/{action} has these two actions.
    ("databases", &[
        ("GET POST", "/v1/bdbs"),
        ("POST", "/v2/bdbs"),
        ("GET PUT DELETE", "/v1/bdbs/{uid}"),
        ("PUT", "/v1/bdbs/{uid}/flush"),
        ("PUT", "/v1/bdbs/{uid}/reset_admin_pass"),
    ]),
    ("actions of databases", &[
        ("POST", "/v1/bdbs/{uid}/actions/export"),
        ("POST", "/v1/bdbs/{uid}/actions/import"),
        ("PUT", "/v1/bdbs/{uid}/actions/backup_reset_status"),
        ("PUT", "/v1/bdbs/{uid}/actions/export_reset_status"),
        ("PUT", "/v1/bdbs/{uid}/actions/import_reset_status"),
        ("PUT", "/v1/bdbs/{uid}/actions/rebalance"),
        ("PUT", "/v1/bdbs/{uid}/actions/revamp"),
        ("GET POST", "/v1/bdbs/{uid}/actions/recover"),
        ("POST", "/v1/bdbs/{uid}/actions/stop_traffic"),
        ("POST", "/v1/bdbs/{uid}/actions/resume_traffic"),
        ("GET", "/v1/bdbs/{uid}/actions/optimize_shards_placement"),
    ]),
    ("further resources of databases", &[
        ("PUT POST DELETE", "/v1/bdbs/{uid}/passwords"),
        ("POST", "/v1/bdbs/{uid}/upgrade"),
        ("GET", "/v1/bdbs/{uid}/availability"),
        ("GET", "/v1/local/bdbs/{uid}/endpoint/availability"),
        ("GET POST DELETE", "/v1/bdbs/{uid}/certificates"),
        ("GET", "/v1/bdbs/certificates"),
        ("GET", "/v1/bdbs/{bdb_uid}/shards"),
        ("GET", "/v1/bdbs/alerts"),
        ("GET POST", "/v1/bdbs/alerts/{uid}"),
        ("GET", "/v1/bdbs/alerts/{uid}/{alert}"),
        ("GET", "/v1/bdbs/crdt_sources/alerts"),
        ("GET", "/v1/bdbs/crdt_sources/alerts/{uid}"),
        ("GET", "/v1/bdbs/crdt_sources/alerts/{uid}/{crdt_src_id}"),
        ("GET", "/v1/bdbs/crdt_sources/alerts/{uid}/{crdt_src_id}/{alert}"),
        ("GET", "/v1/bdbs/replica_sources/alerts"),
        ("GET", "/v1/bdbs/replica_sources/alerts/{uid}"),
        ("GET", "/v1/bdbs/replica_sources/alerts/{uid}/{replica_src_id}"),
        ("GET", "/v1/bdbs/replica_sources/alerts/{uid}/{replica_src_id}/{alert}"),
        ("POST", "/v1/bdbs/{uid}/modules/config"),
        ("POST", "/v1/bdbs/{uid}/modules/upgrade"),
        ("POST", "/v1/modules/config/bdb/{uid}"),
        ("GET", "/v1/bdbs/{uid}/syncer_state"),
        ("GET", "/v1/bdbs/{uid}/syncer_state/crdt"),
        ("GET", "/v1/bdbs/{uid}/syncer_state/replica"),
        ("GET", "/v1/bdbs/{bdb_uid}/peer_stats"),
        ("GET", "/v1/bdbs/{bdb_uid}/peer_stats/{uid}"),
        ("GET", "/v1/bdbs/{bdb_uid}/sync_source_stats"),
        ("GET", "/v1/bdbs/{bdb_uid}/sync_source_stats/{uid}"),
        ("GET", "/v1/bdbs/debuginfo"),
        ("GET", "/v1/bdbs/{bdb_uid}/debuginfo"),
        ("GET", "/v1/debuginfo/all/bdb/{bdb_uid}"),
        ("GET", "/v1/debuginfo/node/bdb/{bdb_uid}"),
        ("GET", "/v1/endpoints/stats"),
        ("GET", "/v1/migrations/{uid}"),
    ]),
    ("shards", &[
        ("GET", "/v1/shards"),
        ("GET", "/v1/shards/{uid}"),
        ("POST", "/v1/shards/{uid}/actions/failover"),
        ("POST", "/v1/shards/actions/failover"),
        ("POST", "/v1/shards/{uid}/actions/migrate"),
        ("POST", "/v1/shards/actions/migrate"),
    ]),
    ("proxies", &[
        ("GET PUT", "/v1/proxies"),
        ("GET PUT", "/v1/proxies/{uid}"),
    ]),
    ("modules", &[
        ("GET", "/v1/modules"),
        ("GET", "/v1/modules/{uid}"),
        ("POST", "/v2/modules/user-defined"),
        ("DELETE", "/v2/modules/user-defined/{uid}"),
        ("GET POST", "/v2/local/modules/user-defined/artifacts"),
        ("DELETE", "/v2/local/modules/user-defined/artifacts/{module_name}/{version}"),
    ]),
    ("users", &[
        ("GET POST", "/v1/users"),
        ("GET PUT DELETE", "/v1/users/{uid}"),
        ("PUT POST DELETE", "/v1/users/password"),
        ("POST", "/v1/users/authorize"),
        ("POST", "/v1/users/refresh_jwt"),
        ("GET", "/v1/users/permissions"),
        ("GET", "/v1/users/permissions/{role}"),
        ("GET", "/v1/users/role"),
    ]),
    ("roles, ACLs and LDAP mappings", &[
        ("GET POST", "/v1/roles"),
        ("GET PUT DELETE", "/v1/roles/{uid}"),
        ("GET POST", "/v1/redis_acls"),
        ("GET PUT DELETE", "/v1/redis_acls/{uid}"),
        ("POST", "/v1/redis_acls/validate"),
        ("GET POST", "/v1/ldap_mappings"),
        ("GET PUT DELETE", "/v1/ldap_mappings/{uid}"),
    ]),
    ("Active-Active", &[
        ("GET POST", "/v1/crdbs"),
        ("GET PATCH DELETE", "/v1/crdbs/{crdb_guid}"),
        ("POST", "/v1/crdbs/{crdb_guid}/updates"),
        ("PUT", "/v1/crdbs/{crdb_guid}/flush"),
        ("PUT", "/v1/crdbs/{crdb_guid}/purge"),
        ("POST", "/v1/crdbs/{crdb_guid}/upgrade"),
        ("GET", "/v1/crdbs/{crdb_guid}/health_report"),
        ("GET", "/v1/crdb_tasks"),
        ("GET", "/v1/crdb_tasks/{task_id}"),
        ("POST", "/v1/crdb_tasks/{task_id}/actions/cancel"),
    ]),
    ("the rest", &[
        ("GET PUT", "/v1/cluster/services_configuration"),
        ("GET POST", "/v1/local/services"),
        ("POST", "/v1/services"),
        ("GET", "/v1/local/node/master_healthcheck"),
        ("GET PUT", "/v1/job_scheduler"),
        ("GET PUT", "/v1/cm_settings"),
        ("GET", "/v1/suffixes"),
        ("GET", "/v1/suffix/{name}"),
        ("GET", "/v1/logs"),
        ("GET", "/v1/usage_report"),
        ("GET", "/v1/jsonschema"),
        ("GET PUT", "/v1/diagnostics"),
        ("GET PUT", "/v1/metrics_config"),
        ("GET PUT", "/v1/ocsp"),
        ("GET", "/v1/ocsp/status"),
        ("POST", "/v1/ocsp/test"),
        ("GET", "/v1/cluster/stats"),
        ("GET", "/v1/cluster/stats/last"),
        ("GET", "/v1/nodes/stats"),
        ("GET", "/v1/nodes/stats/{uid}"),
        ("GET", "/v1/nodes/stats/last"),
        ("GET", "/v1/nodes/stats/last/{uid}"),
        ("GET", "/v1/bdbs/stats"),
        ("GET", "/v1/bdbs/stats/{uid}"),
        ("GET", "/v1/bdbs/stats/last"),
        ("GET", "/v1/bdbs/stats/last/{uid}"),
        ("GET", "/v1/shards/stats"),
        ("GET", "/v1/shards/stats/{uid}"),
        ("GET", "/v1/shards/stats/last"),
        ("GET", "/v1/shards/stats/last/{uid}"),
    ]),
    ("health", &[
        ("GET", "/v4/cluster/health"),
        ("GET", "/v4/db/{uid}/health"),
    ]),
];

/// Calls without a page of their own, each group with the reason why it is served.
#[rustfmt::skip]
const EXTRAS: &[(&str, Calls)] = &[
    ("real clusters were seen to register them", &[
        ("POST", "/v1/nodes/{uid}/snapshots/{name}"),
        ("GET", "/v1/nodes/wd_status"),
        ("GET", "/v1/nodes/{uid}/wd_status"),
        ("PUT", "/v1/cluster/policy/restore_default"),
        ("GET", "/v1/cluster/witness_disk"),
        ("GET POST", "/v1/bdb_groups"),
        ("GET PUT DELETE", "/v1/bdb_groups/{uid}"),
        ("PATCH DELETE", "/v1/suffix/{name}"),
    ]),
    ("clients of real clusters send it", &[
        ("POST", "/v1/bdbs/{uid}/command"),
    ]),
    ("pages name it as the successor of the calls that configure modules", &[
        ("PUT", "/v2/bdbs/{uid}"),
    ]),
    ("a how-to page spells the path so; a switch", &[
        ("GET", "/v4/bdb/{uid}/health"),
    ]),
];

/// What versions brought, by the release notes, the pages of each version, and what real clusters of them register.
#[rustfmt::skip]
const BROUGHT: &[(Profile, Calls)] = &[
    (V7_8_6, &[
        ("GET PUT", "/v1/cm_settings"),
        ("GET", "/v1/diagnostics"),
        ("PUT", "/v1/bdbs/{uid}/actions/rebalance"),
        ("POST", "/v1/bdbs/{uid}/actions/stop_traffic"),
        ("POST", "/v1/bdbs/{uid}/actions/resume_traffic"),
        ("POST", "/v1/shards/{uid}/actions/failover"),
        ("POST", "/v1/shards/actions/failover"),
        ("GET", "/v1/bdbs/{uid}/availability"),
        ("GET", "/v1/local/bdbs/{uid}/endpoint/availability"),
        ("PATCH", "/v1/cluster/change_password_hashing_algorithm"),
        ("POST", "/v1/nodes/{uid}/snapshots/{name}"),
        ("GET", "/v1/nodes/wd_status"),
        ("GET", "/v1/nodes/{uid}/wd_status"),
        ("GET", "/v1/cluster/witness_disk"),
    ]),
    (V7_22_2, &[
        ("PUT", "/v1/bdbs/{uid}/actions/revamp"),
        ("GET", "/v2/actions"),
        ("GET", "/v2/actions/{uid}"),
        ("GET", "/v1/migrations/{uid}"),
        ("PUT", "/v1/diagnostics"),
        ("GET", "/v1/usage_report"),
        ("PUT", "/v1/cluster/certificates"),
    ]),
    (V8_0_20, &[
        ("GET", "/v4/cluster/health"),
        ("GET", "/v4/db/{uid}/health"),
        ("GET", "/v4/bdb/{uid}/health"),
        ("GET PUT DELETE", "/v1/cluster/sso"),
        ("GET", "/v1/cluster/sso/saml/metadata/sp"),
        ("POST", "/v1/cluster/sso/saml/metadata/idp"),
        ("POST", "/v2/modules/user-defined"),
        ("DELETE", "/v2/modules/user-defined/{uid}"),
        ("GET POST", "/v2/local/modules/user-defined/artifacts"),
        ("DELETE", "/v2/local/modules/user-defined/artifacts/{module_name}/{version}"),
        ("GET PUT", "/v1/metrics_config"),
        ("PATCH", "/v1/suffix/{name}"),
        // Only the machine-readable description has them, and that begins with 8.0.
        ("GET POST DELETE", "/v1/bdbs/{uid}/certificates"),
        ("GET", "/v1/bdbs/certificates"),
    ]),
];

/// What versions no longer have.
#[rustfmt::skip]
const DROPPED: &[(Profile, Calls)] = &[
    (V8_0_20, &[
        ("POST", "/v1/modules"),
        ("DELETE", "/v1/modules/{uid}"),
        ("POST", "/v2/modules"),
        ("DELETE", "/v2/modules/{uid}"),
        ("POST", "/v1/modules/upgrade/bdb/{uid}"),
    ]),
];

/// One method of one path, its placeholders without their names.
type Call = (&'static str, String);

fn nameless(path: &str) -> String {
    let segments = path.split('/');
    let segments = segments.map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Calls one by one.
fn each(calls: Calls) -> impl Iterator<Item = Call> {
    let methods = |(methods, path): &'static (&'static str, &'static str)| {
        methods.split(' ').map(move |method| (method, nameless(path)))
    };
    calls.iter().flat_map(methods)
}

/// What is written down for a version.
fn written(profile: Profile) -> BTreeSet<Call> {
    let newest = SECTIONS.iter().chain(EXTRAS).flat_map(|(_, calls)| each(calls));
    let later = BROUGHT.iter().filter(|(since, _)| profile < *since);
    let later: BTreeSet<Call> = later.flat_map(|(_, calls)| each(calls)).collect();
    let kept = DROPPED.iter().filter(|(until, _)| profile < *until);
    let kept = kept.flat_map(|(_, calls)| each(calls));
    newest.filter(|call| !later.contains(call)).chain(kept).collect()
}

/// What the simulator serves as a version.
fn served(profile: Profile) -> BTreeSet<Call> {
    let routes = TABLES.iter().copied().flatten();
    let here = routes.filter(|route| profile.within(route.since, route.until));
    here.map(|route| (route.method, nameless(route.path))).collect()
}

#[test]
fn every_version_serves_exactly_the_calls_that_are_written_down() {
    for profile in Profile::ALL {
        let (written, served) = (written(profile), served(profile));
        let lost: Vec<_> = written.difference(&served).collect();
        let gained: Vec<_> = served.difference(&written).collect();
        assert!(
            lost.is_empty() && gained.is_empty(),
            "{profile} lacks {lost:?} and should not have {gained:?}"
        );
    }
}

#[test]
fn every_call_that_is_written_down_leads_to_its_own_route() {
    for profile in Profile::ALL {
        for (method, path) in written(profile) {
            let found = match find(profile, method, &path.replace("{}", "1")) {
                Found::Route(route, _) => nameless(route.path),
                Found::OtherMethods(methods) => methods,
                Found::Nothing => String::new(),
            };
            assert_eq!(found, path, "{method} in {profile}");
        }
    }
}

#[test]
fn a_call_is_written_down_once_and_what_came_later_is_a_call() {
    let newest: Vec<Call> = SECTIONS
        .iter()
        .chain(EXTRAS)
        .flat_map(|(_, calls)| each(calls))
        .collect();
    let once: BTreeSet<&Call> = newest.iter().collect();
    assert_eq!(newest.len(), once.len());
    for (_, calls) in BROUGHT {
        for call in each(calls) {
            assert!(once.contains(&call), "{call:?}");
        }
    }
    for (_, calls) in DROPPED {
        for call in each(calls) {
            assert!(!once.contains(&call), "{call:?}");
        }
    }
}

#[test]
fn every_call_of_active_active_databases_is_refused_in_the_shape_of_errors() {
    let mut sim = Fixture::cluster(1, 1);
    let all = SECTIONS.iter().flat_map(|(_, calls)| each(calls));
    let left_out: Vec<Call> = all.filter(|(_, path)| is_left_out(path)).collect();
    let (_, section) = SECTIONS
        .iter()
        .find(|(name, _)| *name == "Active-Active")
        .unwrap();
    assert_eq!(left_out, each(section).collect::<Vec<_>>());
    for (method, path) in left_out {
        let got = sim.admin(0, method, &path.replace("{}", "1"), json!({}));
        assert_eq!(
            (got.status, got.code()),
            (501, "unsupported_resource"),
            "{method} {path}"
        );
        assert!(got.json["description"].is_string(), "{method} {path}");
    }
}
