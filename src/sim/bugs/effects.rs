//! What each defect does, and what happens without it.

use super::{BUGS, Bug, Bugs};
use crate::sim::config::TlsIdentity;
use crate::sim::fixture::Fixture;
use crate::sim::ids::NodeIndex;
use crate::sim::testbed::{Bed, NAME, start};
use crate::sim::version::Profile;
use crate::sim::world::Outcome;
use bytes::Bytes;
use http::Request;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose as Eku, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use serde_json::{Value, json};

const CCS: &str = "ccs_internode_encryption";
const ON: &str = "/v1/nodes/2/actions/maintenance_on";

/// A world of three nodes with and without a defect.
fn sides(bug: Bug) -> [(Bed, bool); 2] {
    [Bugs::none(), Bugs::none().with(bug)].map(|bugs| {
        let mut bed = Bed::new();
        let has = bugs.has(bug);
        bed.world.env.bugs = bugs;
        (bed, has)
    })
}

fn fixtures(bug: Bug) -> [(Fixture, bool); 2] {
    [Bugs::none(), Bugs::none().with(bug)].map(|bugs| {
        let mut sim = Fixture::cluster(3, 5);
        let has = bugs.has(bug);
        sim.world.env.bugs = bugs;
        (sim, has)
    })
}

/// A certificate between nodes of the customer's own, for so many days, issued over so many intermediates.
fn customers(days: i64, usages: &[Eku], intermediates: usize) -> TlsIdentity {
    let second = |days: i64| start().as_second() + days * 86_400;
    let time = |days| {
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(second(days).try_into().unwrap())
    };
    let params = |name: &str| {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (time(-1), time(days));
        params
    };
    let authority = |name: &str| {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    };
    let key = KeyPair::generate().unwrap();
    let root = authority("root");
    let mut chain = vec![root.self_signed(&key).unwrap().pem()];
    let mut issuer = Issuer::new(root, key);
    for number in 0..intermediates {
        let (params, key) = (
            authority(&format!("intermediate {number}")),
            KeyPair::generate().unwrap(),
        );
        chain.insert(0, params.signed_by(&key, &issuer).unwrap().pem());
        issuer = Issuer::new(params, key);
    }
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut leaf = params(NAME);
    leaf.extended_key_usages = usages.to_vec();
    leaf.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
    ];
    chain.insert(0, leaf.signed_by(&key, &issuer).unwrap().pem());
    TlsIdentity {
        chain_pem: chain.concat(),
        key_pem: key.serialize_pem(),
    }
}

fn sound(days: i64) -> TlsIdentity {
    customers(days, &[Eku::ServerAuth, Eku::ClientAuth], 0)
}

fn upload(names: &[&str], identity: &TlsIdentity) -> Value {
    let entry =
        |name: &&str| json!({"name": name, "certificate": identity.chain_pem, "key": identity.key_pem});
    json!({"certificates": names.iter().map(entry).collect::<Vec<_>>()})
}

fn put(bed: &mut Bed, names: &[&str], identity: &TlsIdentity) {
    bed.ok("PUT", "/v1/cluster/certificates", upload(names, identity));
    bed.pass(5);
}

fn reachable(bed: &mut Bed) -> Vec<bool> {
    let request = || Request::get("/v1/bootstrap").body(Bytes::new()).unwrap();
    let answers = |node| !matches!(bed.world.handle(NodeIndex(node), &request()), Outcome::Refused);
    (0..3).map(answers).collect()
}

fn holders(bed: &Bed, name: &str, identity: &TlsIdentity) -> Vec<bool> {
    let holds = |node| bed.world.installed(NodeIndex(node), name) == Some(identity);
    (0..3).map(holds).collect()
}

fn checks(bed: &mut Bed) -> Vec<bool> {
    let check = |uid| bed.ok("GET", &format!("/v1/nodes/check/{uid}"), Value::Null)["result"] == true;
    (1..=3).map(check).collect()
}

#[test]
fn a_customers_certificate_between_nodes_stops_the_api_of_all_nodes_for_minutes() {
    let new = sound(300);
    for (mut bed, has) in sides(Bug::InternodeUploadStopsApi) {
        put(&mut bed, &[CCS], &new);
        assert_eq!(reachable(&mut bed), [!has; 3]);
        assert_eq!(bed.world.listens(NodeIndex(1)), !has);
        bed.pass(240);
        assert_eq!(reachable(&mut bed), [true; 3]);
        assert_eq!(holders(&bed, CCS, &new), [true; 3]);
        bed.ok("POST", "/v1/cluster/certificates/rotate", Value::Null);
        bed.pass(5);
        assert_eq!(reachable(&mut bed), [true; 3], "the cluster's own does no harm");
    }
}

#[test]
fn a_certificate_between_nodes_sent_with_others_comes_to_followers_without_its_key() {
    let new = sound(300);
    for (mut bed, has) in sides(Bug::MixedInternodeUpload) {
        put(&mut bed, &[CCS, "proxy"], &new);
        assert_eq!(holders(&bed, "proxy", &new), [true, !has, !has]);
        assert_eq!(holders(&bed, CCS, &new), [true, !has, !has]);
        let follower = bed.world.installed(NodeIndex(1), CCS).unwrap().clone();
        assert_eq!(
            (
                follower.chain_pem == new.chain_pem,
                follower.key_pem == new.key_pem
            ),
            (true, !has)
        );
        assert_eq!(checks(&mut bed), [true, !has, !has]);
        for name in [CCS, "proxy"] {
            put(&mut bed, &[name], &new);
            assert_eq!(holders(&bed, name, &new), [true; 3]);
        }
        assert_eq!(checks(&mut bed), [true; 3]);
    }
}

#[test]
fn a_rotation_that_a_node_misses_is_made_up_for_unless_it_is_forgotten() {
    for (mut bed, has) in sides(Bug::RotationSkipsDownNodes) {
        bed.world.crash(NodeIndex(2));
        bed.pass(30);
        let (status, _) = bed.refused("POST", "/v1/cluster/certificates/rotate", Value::Null);
        assert_eq!(status, 400);
        bed.pass(10);
        bed.world.power_on(NodeIndex(2));
        bed.pass(30);
        let new = bed.world.installed(NodeIndex(0), CCS).unwrap().clone();
        assert_eq!(holders(&bed, CCS, &new), [true, true, !has]);
    }
}

#[test]
fn joins_of_another_version_at_the_same_time_delete_each_other() {
    for (mut sim, has) in fixtures(Bug::ConcurrentJoinsLoseNodes) {
        for node in [3, 4] {
            sim.world.set_software(NodeIndex(node), "9.0.0-1");
        }
        let (first, second) = (sim.join_body(3), sim.join_body(4));
        sim.send(3, "POST", "/v1/bootstrap/join_cluster", None, first.clone());
        sim.pass(5);
        let code = sim.bootstrap_error(4, second.clone());
        assert_eq!(code, if has { "internal_error" } else { "" });
        let members = sim
            .admin(0, "GET", "/v1/nodes", Value::Null)
            .json
            .as_array()
            .unwrap()
            .len();
        assert_eq!(members, if has { 3 } else { 5 });
        if has {
            assert_eq!(
                (sim.bootstrap_error(3, first), sim.bootstrap_error(4, second)),
                ("".into(), "".into())
            );
        }
    }
}

#[test]
fn with_logins_by_certificate_only_the_leader_serves() {
    for (mut sim, has) in fixtures(Bug::CertificateLoginOnPrimaryOnly) {
        sim.admin(0, "PUT", "/v1/cluster", json!({"handle_redirects": true}));
        assert_eq!(sim.admin(1, "GET", "/v1/nodes", Value::Null).status, 200);
        let cluster = sim.world.clusters.values_mut().next().unwrap();
        cluster
            .settings
            .insert("mtls_certificate_authentication".to_owned(), json!(true));
        assert_eq!(
            sim.admin(1, "GET", "/v1/nodes", Value::Null).status,
            if has { 503 } else { 200 }
        );
        assert_eq!(sim.admin(1, "GET", "/v1/bootstrap", Value::Null).status, 200);
        assert_eq!(sim.admin(0, "GET", "/v1/nodes", Value::Null).status, 200);
    }
}

#[test]
fn followers_redirect_the_availability_of_a_database() {
    for (mut sim, has) in fixtures(Bug::AvailabilityRedirects) {
        sim.database(None);
        let reply = sim.admin(1, "GET", "/v1/bdbs/1/availability", Value::Null);
        let location = has.then_some("https://10.0.0.1:9443/v1/bdbs/1/availability");
        assert_eq!(
            (reply.status, reply.location.as_deref()),
            (if has { 307 } else { 200 }, location)
        );
    }
}

#[test]
fn a_certificate_between_nodes_that_is_no_clients_costs_the_quorum_until_the_cluster_is_recovered() {
    let server_only = customers(300, &[Eku::ServerAuth], 0);
    for (mut bed, has) in sides(Bug::InternodeWithoutClientAuth) {
        if !has {
            let refused = bed.refused("PUT", "/v1/cluster/certificates", upload(&[CCS], &server_only));
            assert_eq!(refused, (400, "invalid_certificate".to_owned()));
            continue;
        }
        put(&mut bed, &[CCS], &server_only);
        assert_eq!(
            bed.refused("GET", "/v1/nodes", Value::Null),
            (503, "no_quorum".to_owned())
        );
        for node in 0..3 {
            bed.world.reinstall(NodeIndex(node));
        }
        let file = "/var/opt/redislabs/persist/ccs/ccs-redis.rdb";
        bed.ok(
            "POST",
            "/v1/bootstrap/recover_cluster",
            json!({"recovery_filename": file}),
        );
        bed.pass(60);
        assert_eq!(bed.ok("GET", "/v1/nodes", Value::Null)[0]["status"], "active");
        assert!(!holders(&bed, CCS, &server_only)[0]);
    }
}

#[test]
fn a_long_chain_between_nodes_makes_checks_fail() {
    let long = customers(300, &[Eku::ServerAuth, Eku::ClientAuth], 1);
    for (mut bed, has) in sides(Bug::LongInternodeChain) {
        put(&mut bed, &[CCS], &long);
        assert_eq!(checks(&mut bed), [!has; 3]);
        let cluster = bed.ok("GET", "/v1/cluster/check", Value::Null);
        assert_eq!(cluster["cluster_test_result"], !has);
        put(&mut bed, &[CCS], &sound(300));
        assert_eq!(checks(&mut bed), [true; 3]);
    }
}

#[test]
fn an_endpoint_that_is_elsewhere_is_500() {
    for (mut sim, has) in fixtures(Bug::EndpointAvailability500) {
        sim.database(None);
        let path = "/v1/local/bdbs/1/endpoint/availability";
        let mut statuses: Vec<u16> = (0..3)
            .map(|node| sim.admin(node, "GET", path, Value::Null).status)
            .collect();
        statuses.sort_unstable();
        let elsewhere = if has { 500 } else { 503 };
        assert_eq!(statuses, [200, elsewhere, elsewhere]);
    }
}

#[test]
fn passwords_are_refused_while_a_directory_vouches_for_certificates() {
    for (mut sim, has) in fixtures(Bug::LocalLoginsRefused) {
        assert_eq!(
            sim.admin(0, "PUT", "/v1/cluster/ldap", json!({"cba": true}))
                .status,
            200
        );
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes", Value::Null).status,
            if has { 401 } else { 200 }
        );
    }
}

#[test]
fn a_user_that_is_updated_while_it_is_deleted_never_goes() {
    for (mut sim, has) in fixtures(Bug::RacedUserIsCorrupt) {
        sim.user("viewer@example.com", "cluster_viewer");
        let deleted = sim.admin(0, "DELETE", "/v1/users/2", Value::Null).json;
        assert_eq!(sim.admin(0, "GET", "/v1/users/2", Value::Null).status, 404);
        assert_eq!(
            sim.admin(0, "PUT", "/v1/users/2", json!({"name": "late"})).status,
            if has { 200 } else { 404 }
        );
        sim.pass(5);
        assert_eq!(
            sim.admin(0, "GET", "/v1/users/2", Value::Null).status,
            if has { 200 } else { 404 }
        );
        assert_eq!(
            sim.admin(0, "DELETE", "/v1/users/2", Value::Null).status,
            if has { 406 } else { 404 }
        );
        let action = format!("/v1/actions/{}", deleted["action_uid"].as_str().unwrap());
        let ended = sim.admin(0, "GET", &action, Value::Null).json["status"].clone();
        assert_eq!(ended, if has { "failed" } else { "completed" });
    }
}

#[test]
fn a_full_node_shows_no_provisional_memory() {
    for (mut sim, has) in fixtures(Bug::FullNodeShowsNoRam) {
        sim.database(None);
        for uid in 1..=3 {
            sim.admin(
                0,
                "PUT",
                &format!("/v1/nodes/{uid}"),
                json!({"max_redis_servers": 1}),
            );
        }
        let all = sim.admin(0, "GET", "/v1/nodes/status", Value::Null).json;
        let mut empty: Vec<bool> = (1..=3)
            .map(|uid: u64| all[uid.to_string()]["total_provisional_ram"] == 0)
            .collect();
        empty.sort_unstable();
        assert_eq!(empty, [false, false, has]);
    }
}

#[test]
fn a_role_cannot_choose_its_uid() {
    for (mut sim, has) in fixtures(Bug::RoleUidRefused) {
        let role = json!({"uid": 40, "name": "mine", "management": "db_viewer"});
        assert_eq!(
            sim.admin(0, "POST", "/v1/roles", role).status,
            if has { 409 } else { 200 }
        );
        let role = json!({"name": "next", "management": "db_viewer"});
        assert_eq!(sim.admin(0, "POST", "/v1/roles", role).status, 200);
    }
}

#[test]
fn a_change_of_the_leader_marks_maintenance_as_aborted_and_its_work_goes_on() {
    for (mut sim, has) in fixtures(Bug::MaintenanceAbortsWithLeader) {
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(2);
        sim.admin(
            0,
            "POST",
            "/v1/cluster/actions/change_master",
            json!({"node_uid": "3"}),
        );
        sim.pass(60);
        let action = sim.admin(2, "GET", ON, Value::Null).json;
        assert_eq!(action["status"], if has { "aborted" } else { "completed" });
        assert_eq!(
            sim.admin(2, "GET", "/v1/nodes/2", Value::Null).json["accept_servers"],
            false
        );
    }
}

#[test]
fn a_cancelled_action_of_a_lost_node_never_ends() {
    for (mut sim, has) in fixtures(Bug::OrphanedTaskStaysCancelling) {
        sim.world.crash(NodeIndex(1));
        sim.pass(3);
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(2);
        sim.admin(0, "DELETE", ON, Value::Null);
        sim.pass(600);
        let action = sim.admin(0, "GET", ON, Value::Null).json;
        assert_eq!(action["status"], if has { "cancelling" } else { "cancelled" });
        let other = sim.admin(0, "POST", "/v1/nodes/3/actions/maintenance_on", json!({}));
        assert_eq!(other.status, if has { 409 } else { 200 });
        sim.admin(0, "POST", "/v1/nodes/2/actions/remove", json!({}));
        sim.pass(60);
        assert_eq!(
            sim.admin(0, "POST", "/v1/nodes/3/actions/maintenance_on", json!({}))
                .status,
            200
        );
    }
}

#[test]
fn a_snapshot_that_stays_behind_makes_the_next_maintenance_restore_the_layout_of_the_one_before() {
    for (mut sim, has) in fixtures(Bug::SnapshotStaysBehind) {
        let off = "/v1/nodes/2/actions/maintenance_off";
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(30);
        let first = sim.admin(0, "GET", "/v1/nodes/2/snapshots", Value::Null).json[0]["name"].clone();
        sim.admin(0, "POST", off, json!({"skip_shards_restore": true}));
        sim.pass(30);
        let status = sim.admin(0, "GET", "/v1/nodes/2/status", Value::Null).json;
        assert_eq!(status.get("maintenance_snapshot").is_some(), has);
        sim.admin(0, "POST", ON, json!({}));
        sim.pass(30);
        let second = sim.admin(0, "GET", "/v1/nodes/2/snapshots", Value::Null).json;
        assert_eq!(second.as_array().map(Vec::len), Some(1));
        assert_eq!(second[0]["name"] == first, has);
    }
}

#[test]
fn every_profile_has_the_defects_of_its_build_unless_told_otherwise() {
    for profile in Profile::ALL {
        let bed = Bed::of(profile);
        for row in BUGS {
            assert_eq!(
                bed.world.env.has(row.bug),
                row.affects(profile),
                "{} {profile}",
                row.name
            );
        }
        let mut config = crate::sim::testbed::config(1, profile, Default::default());
        config.bugs = Some(Bugs::none().with(Bug::RoleUidRefused));
        let world = crate::sim::World::new(config);
        assert_eq!(world.env.bugs, Bugs::none().with(Bug::RoleUidRefused));
    }
}
