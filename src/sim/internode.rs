//! Certificates between nodes: which are the customer's, when the cluster replaces them by itself, and what a bad one does.

use super::bugs::Bug;
use super::certs::{self, read_bundle};
use super::config::{CertificateOrder, TlsIdentity};
use super::ids::NodeIndex;
use super::schema::{self, settings};
use super::state::{Cluster, Due, Env};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// The certificate with which nodes know each other.
pub(crate) const CONTROL_PLANE: &str = "ccs_internode_encryption";
/// A customer's certificate is replaced so long before its end.
const CUSTOMER_DAYS: i64 = 5;
/// How long a defect keeps the REST API away.
const SILENCE: Duration = Duration::from_secs(180);

/// What is wrong with a certificate that a node uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Flaw {
    /// The key belongs to the certificate before it.
    OldKey,
    /// Other nodes do not find its issuer.
    UnknownIssuer,
    /// It cannot be shown as a client: other nodes refuse it.
    NoClientAuth,
}

impl Flaw {
    /// What the node's checks say of it.
    pub(crate) fn complaint(self, name: &str) -> String {
        match self {
            Self::OldKey => format!("certificate and key of {name} do not match"),
            Self::UnknownIssuer => format!("{name}: unable to get local issuer certificate"),
            Self::NoClientAuth => format!("{name}: unsuitable certificate purpose"),
        }
    }
}

/// The names of certificates between nodes.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    certs::NAMES.iter().filter(|row| row.internal).map(|row| row.name)
}

/// A new certificate of the cluster's own.
pub(crate) fn issue(cluster: &Cluster, env: &Env, name: &str) -> TlsIdentity {
    env.certificates.issue(&CertificateOrder {
        cluster_name: cluster.name.clone(),
        certificate: name.to_owned(),
        generation: cluster.certificate_generation,
        at: env.now,
    })
}

/// A node begins to use the cluster's present certificate `name`.
pub(crate) fn adopted(cluster: &Cluster, env: &mut Env, index: NodeIndex, name: &str) {
    let Some(identity) = cluster.certificates.get(name).cloned() else {
        return;
    };
    let customers = cluster.customer_certificates.contains(name);
    let flaw = flaw(env, customers, &identity);
    let silent = customers && env.has(Bug::InternodeUploadStopsApi);
    let until = env.after(SILENCE);
    let Some(node) = env.node_mut(index) else {
        return;
    };
    node.flaws.remove(name);
    node.flaws.extend(flaw.map(|flaw| (name.to_owned(), flaw)));
    if silent {
        node.silent_until = Some(until);
    }
    node.installed.insert(name.to_owned(), identity);
}

/// A defect: a node takes the new certificate with the old key.
pub(crate) fn mangled(cluster: &Cluster, env: &mut Env, index: NodeIndex) {
    let new = cluster.certificates.get(CONTROL_PLANE).cloned();
    if let (Some(new), Some(node)) = (new, env.node_mut(index))
        && let Some(old) = node.installed.get_mut(CONTROL_PLANE)
    {
        old.chain_pem = new.chain_pem;
        node.flaws.insert(CONTROL_PLANE.to_owned(), Flaw::OldKey);
    }
}

fn flaw(env: &Env, customers: bool, identity: &TlsIdentity) -> Option<Flaw> {
    if !customers {
        return None;
    }
    let bundle = read_bundle(&identity.chain_pem).ok()?;
    let client = bundle
        .first()?
        .extended_usage
        .is_none_or(|usage| usage.client_auth);
    match bundle.len() {
        _ if !client => Some(Flaw::NoClientAuth),
        3.. if env.has(Bug::LongInternodeChain) => Some(Flaw::UnknownIssuer),
        _ => None,
    }
}

/// Whether nodes that use this certificate would lose each other.
pub(crate) fn separates(identity: &TlsIdentity) -> bool {
    let bundle = read_bundle(&identity.chain_pem).unwrap_or_default();
    let usage = bundle.first().and_then(|leaf| leaf.extended_usage);
    usage.is_some_and(|usage| !usage.client_auth)
}

/// Whether a certificate, or one of its chain, ends within so many days.
pub(crate) fn ends_within(identity: &TlsIdentity, env: &Env, days: i64) -> bool {
    let bundle = read_bundle(&identity.chain_pem).unwrap_or_default();
    let limit = env.now.as_second().saturating_add(days.saturating_mul(86_400));
    bundle.iter().any(|certificate| certificate.not_after <= limit)
}

/// The time at which the cluster replaces the certificate by itself, if it can be told.
fn ends(cluster: &Cluster, env: &Env, name: &str) -> Option<Timestamp> {
    let identity = cluster.certificates.get(name)?;
    let bundle = read_bundle(&identity.chain_pem).ok()?;
    let end = Timestamp::from_second(bundle.first()?.not_after).ok()?;
    let days = if cluster.customer_certificates.contains(name) {
        CUSTOMER_DAYS
    } else {
        rotation_days(cluster, env)?
    };
    end.checked_sub(SignedDuration::from_hours(24 * days)).ok()
}

/// Days before the end at which the cluster's own certificates rotate; none if the job is turned off.
fn rotation_days(cluster: &Cluster, env: &Env) -> Option<i64> {
    let mut jobs = schema::defaults(settings::JOBS, env.profile);
    jobs.extend(
        cluster
            .documents
            .single("/v1/job_scheduler")
            .cloned()
            .unwrap_or_default(),
    );
    let job = jobs.get("cert_rotation_job_settings")?;
    let enabled = job.get("enabled").and_then(Value::as_bool).unwrap_or(true);
    let days = job.get("expiry_days_before_rotation").and_then(Value::as_i64);
    enabled.then_some(days.unwrap_or(60))
}

/// Plans the next replacement.
pub(crate) fn plan(cluster: &Cluster, env: &mut Env) {
    let next = names().filter_map(|name| ends(cluster, env, name)).min();
    if let Some(next) = next {
        let delay = next.duration_since(env.now).max(SignedDuration::ZERO);
        env.schedule(delay.unsigned_abs(), Due::Rotation(cluster.id));
    }
}

/// Replaces what has come to its time, on every node that is up.
pub(crate) fn rotation_due(cluster: &mut Cluster, env: &mut Env) {
    let now = env.now;
    let due: Vec<&str> = names()
        .filter(|name| ends(cluster, env, name).is_some_and(|at| at <= now))
        .collect();
    // Without a majority nothing is written; what is due then is made up for when one is back.
    if due.is_empty() || !cluster.has_quorum(env) {
        return;
    }
    cluster.certificate_generation += 1;
    for name in due {
        let identity = issue(cluster, env, name);
        cluster.certificates.insert(name.to_owned(), identity);
        cluster.customer_certificates.remove(name);
        let hosts: Vec<NodeIndex> = cluster.alive().map(|member| member.host).collect();
        for host in hosts {
            let due = Due::Certificate(cluster.id, host, name.to_owned());
            env.schedule(env.timings.certificate_apply, due);
        }
    }
    cluster.state_id += 1;
    // A certificate that is as short-lived as the one before it would be replaced without end.
    let endless = names().any(|name| ends(cluster, env, name).is_some_and(|at| at <= now));
    if !endless {
        plan(cluster, env);
    }
}

/// A node came back: it takes what rotated meanwhile, unless the defect makes the cluster forget it.
pub(crate) fn catch_up(cluster: &Cluster, env: &mut Env, index: NodeIndex) {
    if env.has(Bug::RotationSkipsDownNodes) {
        return;
    }
    for name in names() {
        let old = env.node(index).and_then(|node| node.installed.get(name));
        if old != cluster.certificates.get(name) {
            let due = Due::Certificate(cluster.id, index, name.to_owned());
            env.schedule(env.timings.certificate_apply, due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CONTROL_PLANE, names};
    use crate::sim::config::TlsIdentity;
    use crate::sim::ids::NodeIndex;
    use crate::sim::testbed::{Bed, NAME, start};
    use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
    use serde_json::{Value, json};
    use std::time::Duration;

    const DAY: i64 = 86_400;

    /// A certificate of the customer's that ends after so many days.
    fn customers(days: i64) -> TlsIdentity {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let end = start().as_second() + days * DAY;
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(end.try_into().unwrap());
        TlsIdentity {
            chain_pem: params.self_signed(&key).unwrap().pem(),
            key_pem: key.serialize_pem(),
        }
    }

    fn used(bed: &Bed, node: usize) -> TlsIdentity {
        used_as(bed, node, CONTROL_PLANE)
    }

    fn used_as(bed: &Bed, node: usize, name: &str) -> TlsIdentity {
        bed.world.installed(NodeIndex(node), name).unwrap().clone()
    }

    fn upload(bed: &mut Bed, name: &str, own: &TlsIdentity) {
        let body =
            json!({"certificates": [{"name": name, "certificate": own.chain_pem, "key": own.key_pem}]});
        bed.ok("PUT", "/v1/cluster/certificates", body);
    }

    #[test]
    fn the_clusters_own_certificates_rotate_every_thirty_days() {
        for name in names() {
            let mut bed = Bed::new();
            let mut before = used_as(&bed, 1, name);
            for _ in 0..4 {
                bed.pass(29 * DAY);
                assert_eq!(used_as(&bed, 1, name), before, "{name}");
                bed.pass(DAY + 3600);
                let after = used_as(&bed, 1, name);
                assert_ne!(after, before, "{name}");
                let others = [0, 2].map(|node| used_as(&bed, node, name));
                assert_eq!(others, [after.clone(), after.clone()], "{name}");
                before = after;
            }
        }
    }

    #[test]
    fn the_job_that_rotates_can_be_turned_off_and_given_other_days() {
        let mut bed = Bed::new();
        let before = used(&bed, 0);
        let job = |enabled: bool, days: u64| json!({"cert_rotation_job_settings": {"enabled": enabled, "expiry_days_before_rotation": days}});
        bed.ok("PUT", "/v1/job_scheduler", job(false, 60));
        bed.pass(60 * DAY);
        assert_eq!(used(&bed, 0), before);
        bed.ok("PUT", "/v1/job_scheduler", job(true, 20));
        bed.pass(5 * DAY);
        assert_eq!(used(&bed, 0), before);
        bed.pass(6 * DAY);
        assert_ne!(used(&bed, 0), before);
    }

    #[test]
    fn nothing_rotates_without_a_majority_and_what_was_due_is_made_up_for() {
        let mut bed = Bed::new();
        let before = used(&bed, 0);
        for node in [1, 2] {
            bed.world.crash(NodeIndex(node));
        }
        bed.pass(40 * DAY);
        assert_eq!(used(&bed, 0), before);
        for node in [1, 2] {
            bed.world.power_on(NodeIndex(node));
        }
        bed.pass(120);
        assert_ne!(used(&bed, 0), before);
        assert_eq!([used(&bed, 1), used(&bed, 2)], [used(&bed, 0), used(&bed, 0)]);
    }

    #[test]
    fn a_node_that_missed_rotations_is_told_of_before_its_certificate_ends() {
        let mut bed = Bed::new();
        bed.world.crash(NodeIndex(2));
        bed.pass(31 * DAY);
        bed.world.power_on(NodeIndex(2));
        let alert = |bed: &mut Bed, uid: u64| {
            let path = format!("/v1/nodes/alerts/{uid}/node_internal_certs_about_to_expire");
            bed.ok("GET", &path, Value::Null)["state"].clone()
        };
        bed.pass(60);
        assert_eq!(
            (alert(&mut bed, 1), alert(&mut bed, 3)),
            (json!(false), json!(false))
        );
        bed.pass(15 * DAY);
        assert_eq!(
            (alert(&mut bed, 1), alert(&mut bed, 3)),
            (json!(false), json!(true))
        );
    }

    #[test]
    fn a_customers_certificate_is_replaced_five_days_before_its_end_and_not_rotated_before() {
        for name in names() {
            let mut bed = Bed::new();
            let others: Vec<&str> = names().filter(|other| *other != name).collect();
            let of_others = |bed: &Bed| -> Vec<TlsIdentity> {
                others.iter().map(|other| used_as(bed, 2, other)).collect()
            };
            let (own, first) = (customers(100), of_others(&bed));
            upload(&mut bed, name, &own);
            bed.pass(94 * DAY);
            assert_eq!(used_as(&bed, 2, name), own, "{name}");
            assert_ne!(of_others(&bed), first, "those of the cluster rotate meanwhile");
            bed.pass(2 * DAY);
            assert_ne!(used_as(&bed, 2, name), own, "{name}");
            let listed = bed.ok("GET", "/v1/cluster/certificates", Value::Null);
            assert_eq!(listed[format!("{name}_cert")], used_as(&bed, 2, name).chain_pem);
        }
    }

    #[test]
    fn a_customers_certificate_that_a_call_rotates_is_the_clusters_again_and_rotates_with_it() {
        for name in names() {
            let mut bed = Bed::new();
            let own = customers(300);
            upload(&mut bed, name, &own);
            bed.pass(40 * DAY);
            assert_eq!(used_as(&bed, 0, name), own, "{name}");
            bed.ok("POST", "/v1/cluster/certificates/rotate", json!({"name": name}));
            bed.pass(60);
            let rotated = used_as(&bed, 0, name);
            assert_ne!(rotated, own, "{name}");
            bed.pass(31 * DAY);
            assert_ne!(used_as(&bed, 0, name), rotated, "{name}");
        }
    }
}
