//! The certificates of a cluster: read, replaced all over the cluster node by node, rotated, deleted.

use crate::sim::bugs::Bug;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::certs::{self, CertError, NameRow, Rules};
use crate::sim::config::TlsIdentity;
use crate::sim::ids::NodeIndex;
use crate::sim::internode;
use crate::sim::permission::Permission;
use crate::sim::route::Route;
use crate::sim::schema::{certificate, closed, shape};
use crate::sim::state::{Cluster, Due, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use http::StatusCode;
use serde_json::{Map, Value};

/// Routes of this family.
#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/certificates", Permission::ViewClusterInfo, shape::CERTIFICATES, list),
    Route::new("PUT", "/v1/cluster/certificates", Permission::UpdateCluster, shape::NOTHING, replace).since(Profile::V7_22_2),
    Route::new("PUT", "/v1/cluster/update_cert", Permission::UpdateCluster, shape::NOTHING, replace_one),
    Route::new("POST", "/v1/cluster/certificates/rotate", Permission::UpdateCluster, shape::NOTHING, rotate),
    Route::new("DELETE", "/v1/cluster/certificates/{name}", Permission::UpdateCluster, shape::NOTHING, delete),
];

/// `error_code` of a certificate that cannot be used.
const INVALID: &str = "invalid_certificate";

/// `<name>_cert` and `<name>_key`, private keys included.
fn list(ctx: &mut Ctx<'_>) -> Answer {
    let mut all = Map::new();
    for row in certs::NAMES {
        if let Some(identity) = ctx.cluster.certificates.get(row.name) {
            all.insert(format!("{}_cert", row.name), identity.chain_pem.clone().into());
            if row.has_key {
                all.insert(format!("{}_key", row.name), identity.key_pem.clone().into());
            }
        }
    }
    Ok(Reply::json(Value::Object(all)))
}

/// Several at once. All are checked before any is applied.
fn replace(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    closed(&certificate::BULK_UPLOAD, ctx.env.profile, &body)?;
    let entries = body
        .get("certificates")
        .and_then(Value::as_array)
        .filter(|entries| !entries.is_empty());
    let entries = entries
        .ok_or_else(|| ApiError::bad_request("certificates: a list with at least one entry is wanted"))?;
    let checked: Result<Vec<_>, _> = entries.iter().map(|entry| upload(ctx, entry)).collect();
    install(ctx, checked?, Maker::Customer)
}

/// One, as before 7.22.2.
fn replace_one(ctx: &mut Ctx<'_>) -> Answer {
    let checked = upload(ctx, &ctx.call.body).map_err(|mut error| {
        if error.code == INVALID && ctx.env.on(Switch::UpdateCertInvalid404) {
            error.status = StatusCode::NOT_FOUND;
        }
        error
    })?;
    install(ctx, vec![checked], Maker::Customer)
}

/// New certificates for the traffic between nodes: one, or all of them.
fn rotate(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    closed(&certificate::ROTATE, ctx.env.profile, &body)?;
    let wanted = body.get("name").and_then(Value::as_str);
    if let Some(name) = wanted
        && !certs::named(name, ctx.env.profile).is_some_and(|row| row.internal)
    {
        return Err(ApiError::forbidden(
            "forbidden",
            format!("rotation is not supported for certificate {name:?}"),
        ));
    }
    ctx.cluster.certificate_generation += 1;
    let rows = certs::NAMES
        .iter()
        .filter(|row| row.internal && wanted.is_none_or(|name| name == row.name));
    let issued = rows.map(|row| (row, internode::issue(ctx.cluster, ctx.env, row.name)));
    let issued = issued.collect();
    install(ctx, issued, Maker::Cluster)
}

fn delete(ctx: &mut Ctx<'_>) -> Answer {
    let name: String = ctx.call.param("name")?;
    let row =
        certs::named(&name, ctx.env.profile).filter(|row| ctx.cluster.certificates.contains_key(row.name));
    let row = row.ok_or_else(|| ApiError::not_found(format!("certificate {name:?} does not exist")))?;
    if row.required {
        return Err(ApiError::forbidden(
            "forbidden",
            format!("certificate {name:?} is required and cannot be deleted"),
        ));
    }
    let in_use = row.name == "mtls_trusted_ca"
        && ctx.cluster.settings.get("mtls_certificate_authentication") == Some(&Value::Bool(true));
    if in_use && !ctx.env.on(Switch::UsedAuthorityDeletable) {
        return Err(ApiError::not_acceptable(
            "invalid_param",
            "certificate authentication is on; turn it off first",
        ));
    }
    ctx.cluster.certificates.remove(row.name);
    for index in members(ctx.cluster, ctx.env) {
        if let Some(node) = ctx.env.node_mut(index) {
            node.installed.remove(row.name);
        }
    }
    ctx.commit();
    Ok(Reply::empty())
}

/// Checks one entry of an upload.
fn upload(ctx: &Ctx<'_>, entry: &Value) -> Result<(&'static NameRow, TlsIdentity), ApiError> {
    let entry = entry
        .as_object()
        .ok_or_else(|| ApiError::bad_request("a certificate is an object with name, certificate and key"))?;
    closed(&certificate::UPLOAD, ctx.env.profile, entry)?;
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let name = text("name");
    let row = certs::named(name, ctx.env.profile);
    let row =
        row.ok_or_else(|| ApiError::forbidden("forbidden", format!("there is no certificate {name:?}")))?;
    let rules = Rules {
        now: ctx.env.now,
        profile: ctx.env.profile,
        internode_clients: !ctx.env.has(Bug::InternodeWithoutClientAuth),
        names_wanted: ctx.env.has(Bug::NamelessChainRefused),
        strict_usage: !ctx.env.on(Switch::LenientCertificateUsage),
        ciphers: row
            .ciphers
            .and_then(|setting| ctx.cluster.settings.get(setting))
            .and_then(Value::as_str),
    };
    certs::check(row, text("certificate"), text("key"), rules).map_err(|error| match error {
        CertError::Invalid(why) => ApiError::new(StatusCode::BAD_REQUEST, INVALID, why),
        CertError::Expired(why) => ApiError::not_acceptable("certificate_expired", why),
    })?;
    let key_pem = if row.has_key {
        text("key").to_owned()
    } else {
        String::new()
    };
    Ok((
        row,
        TlsIdentity {
            chain_pem: text("certificate").to_owned(),
            key_pem,
        },
    ))
}

/// Where certificates come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    Customer,
    /// Made anew by the cluster.
    Cluster,
}

impl Maker {
    /// Status when not every node could be reached.
    fn partial(self) -> StatusCode {
        match self {
            Self::Customer => StatusCode::CONFLICT,
            Self::Cluster => StatusCode::BAD_REQUEST,
        }
    }
}

/// The cluster takes them over at once, its nodes one after the other.
fn install(ctx: &mut Ctx<'_>, new: Vec<(&'static NameRow, TlsIdentity)>, maker: Maker) -> Answer {
    let all = ctx.cluster.members.len();
    let mut reached = members(ctx.cluster, ctx.env);
    if let Some(limit) = ctx.env.ordered.certificates_on {
        reached.truncate(limit);
    }
    let names: Vec<&'static str> = new.iter().map(|(row, _)| row.name).collect();
    for (row, identity) in new {
        if row.internal && maker == Maker::Customer {
            ctx.cluster.customer_certificates.insert(row.name.to_owned());
        } else {
            ctx.cluster.customer_certificates.remove(row.name);
        }
        ctx.cluster.certificates.insert(row.name.to_owned(), identity);
    }
    spread(ctx, &names, &reached, maker);
    internode::plan(ctx.cluster, ctx.env);
    ctx.commit();
    let length = ctx.env.timings.certificate_apply;
    if reached.len() < all {
        let text = format!(
            "certificates were updated on {} of {all} nodes; try again",
            reached.len()
        );
        return Err(ApiError::new(maker.partial(), "not_all_nodes_updated", text));
    }
    Ok(Reply::empty().after(length))
}

/// Lets one node after the other take the certificates. A defect spoils those of followers when one between nodes comes with
/// others.
fn spread(ctx: &mut Ctx<'_>, names: &[&'static str], reached: &[NodeIndex], maker: Maker) {
    let id = ctx.cluster.id;
    let master = ctx.cluster.master.and_then(|uid| ctx.cluster.members.get(&uid));
    let master = master.map(|member| member.host);
    let mixed = maker == Maker::Customer && names.len() > 1 && names.contains(&internode::CONTROL_PLANE);
    let spoils = mixed && ctx.env.has(Bug::MixedInternodeUpload);
    let count = u32::try_from(reached.len()).unwrap_or(1).max(1);
    for (place, index) in (1_u32..).zip(reached) {
        let when = ctx.env.timings.certificate_apply * place / count;
        if spoils && Some(*index) != master {
            ctx.env.schedule(when, Due::MangledCertificate(id, *index));
            continue;
        }
        for name in names {
            ctx.env
                .schedule(when, Due::Certificate(id, *index, (*name).to_owned()));
        }
    }
}

/// A node begins to use the cluster's present certificate `name`.
pub(crate) fn certificate_due(cluster: &Cluster, env: &mut Env, index: NodeIndex, name: &str) {
    if cluster.members.values().any(|member| member.host == index) {
        internode::adopted(cluster, env, index, name);
    }
}

/// Members that can be reached, by uid.
fn members(cluster: &Cluster, env: &Env) -> Vec<NodeIndex> {
    let hosts = cluster.alive().map(|member| member.host);
    hosts
        .filter(|host| env.node(*host).is_some_and(crate::sim::state::SimNode::is_on))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::certs::fingerprint;
    use crate::sim::certs::mint::{self, KeyKind};
    use crate::sim::config::CertificateOrder;
    use crate::sim::fault::{Effect, FaultPlan, Rule};
    use crate::sim::switch::Switches;
    use crate::sim::testbed::{Bed, NAME, server_only, start};
    use jiff::SignedDuration;
    use serde_json::json;

    /// Another certificate for the cluster, made `days` ago.
    fn made(days: i64) -> TlsIdentity {
        let source = mint::source(start() - SignedDuration::from_hours(24 * days), KeyKind::Ecdsa).unwrap();
        let order = CertificateOrder {
            at: start(),
            cluster_name: NAME.into(),
            certificate: "proxy".into(),
            generation: 99,
        };
        source.issue(&order)
    }

    fn entry(name: &str, identity: &TlsIdentity) -> Value {
        json!({"name": name, "certificate": identity.chain_pem, "key": identity.key_pem})
    }

    fn bulk(entries: &[Value]) -> Value {
        json!({"certificates": entries})
    }

    #[test]
    fn certificates_are_listed_with_their_keys_and_without_nulls() {
        let listed = Bed::new().ok("GET", "/v1/cluster/certificates", Value::Null);
        for name in [
            "api",
            "cm",
            "proxy",
            "syncer",
            "metrics_exporter",
            "ccs_internode_encryption",
            "data_internode_encryption",
        ] {
            assert!(
                listed[format!("{name}_cert")]
                    .as_str()
                    .unwrap()
                    .starts_with("-----BEGIN CERTIFICATE"),
                "{name}"
            );
            assert!(
                listed[format!("{name}_key")]
                    .as_str()
                    .unwrap()
                    .contains("PRIVATE KEY"),
                "{name}"
            );
        }
        assert!(listed.get("ldap_client_cert").is_none());
    }

    #[test]
    fn an_upload_reaches_one_node_after_the_other() {
        let mut bed = Bed::new();
        let new = made(0);
        bed.ok(
            "PUT",
            "/v1/cluster/certificates",
            bulk(&[entry("api", &new), entry("proxy", &new)]),
        );
        let shown = |bed: &Bed| -> Vec<bool> {
            (0..3)
                .map(|node| bed.world.presented(NodeIndex(node)) == Some(&new))
                .collect()
        };
        assert_eq!(shown(&bed), [false, false, false]);
        bed.pass(1);
        assert_eq!(shown(&bed), [true, false, false]);
        bed.pass(2);
        assert_eq!(shown(&bed), [true, true, true]);
        let listed = bed.ok("GET", "/v1/cluster/certificates", Value::Null);
        assert_eq!(
            fingerprint(listed["proxy_cert"].as_str().unwrap()),
            fingerprint(&new.chain_pem)
        );
    }

    #[test]
    fn each_wrong_upload_gets_its_own_status_and_changes_nothing() {
        let mut bed = Bed::new();
        let (good, other, old) = (made(0), made(1), made(400));
        let mixed = TlsIdentity {
            key_pem: other.key_pem.clone(),
            ..good.clone()
        };
        let garbage = TlsIdentity {
            chain_pem: "garbage".into(),
            key_pem: "garbage".into(),
        };
        let before = bed.ok("GET", "/v1/cluster/certificates", Value::Null);
        for (body, status) in [
            (bulk(&[entry("proxy", &mixed)]), 400),
            (bulk(&[entry("proxy", &garbage)]), 400),
            (bulk(&[entry("proxy", &old)]), 406),
            (bulk(&[entry("nope", &good)]), 403),
            (bulk(&[entry("proxy", &good), entry("cm", &old)]), 406),
            (bulk(&[entry("ccs_internode_encryption", &good)]), 400),
            (bulk(&[]), 400),
            (
                json!({"certificates": [{"name": "proxy", "certificate": good.chain_pem, "key": good.key_pem, "more": 1}]}),
                400,
            ),
            (json!({"certificates": [entry("proxy", &good)], "more": 1}), 400),
        ] {
            assert_eq!(bed.refused("PUT", "/v1/cluster/certificates", body).0, status);
        }
        assert_eq!(bed.ok("GET", "/v1/cluster/certificates", Value::Null), before);
    }

    #[test]
    fn an_upload_that_misses_a_node_is_409_and_leaves_the_cluster_mixed() {
        let mut bed = Bed::new();
        let rule = Rule {
            method: Some("PUT".into()),
            path: Some("/v1/cluster/certificates".into()),
            node: None,
            skip: 0,
            count: Some(1),
            effect: Effect::CertificatesOn(2),
        };
        bed.world.set_faults(FaultPlan { rules: vec![rule] });
        let new = made(0);
        assert_eq!(
            bed.refused("PUT", "/v1/cluster/certificates", bulk(&[entry("proxy", &new)]))
                .0,
            409
        );
        bed.pass(5);
        let holders = |bed: &Bed| {
            (0..3)
                .filter(|node| bed.world.installed(NodeIndex(*node), "proxy") == Some(&new))
                .count()
        };
        assert_eq!(holders(&bed), 2);
        bed.ok("PUT", "/v1/cluster/certificates", bulk(&[entry("proxy", &new)]));
        bed.pass(5);
        assert_eq!(holders(&bed), 3);
    }

    #[test]
    fn a_node_that_is_down_makes_an_upload_partial() {
        let mut bed = Bed::new();
        bed.world.crash(NodeIndex(2));
        bed.pass(30);
        let refused = bed.refused(
            "PUT",
            "/v1/cluster/certificates",
            bulk(&[entry("proxy", &made(0))]),
        );
        assert_eq!(refused, (409, "not_all_nodes_updated".to_owned()));
    }

    #[test]
    fn bulk_uploads_began_with_7_22_2_and_the_older_call_works_everywhere() {
        for profile in Profile::ALL {
            let mut bed = Bed::of(profile);
            let (status, _) = bed.call(
                "PUT",
                "/v1/cluster/certificates",
                bulk(&[entry("proxy", &made(0))]),
            );
            assert_eq!(status == 200, profile >= Profile::V7_22_2, "{profile}: {status}");
            bed.ok("PUT", "/v1/cluster/update_cert", entry("proxy", &made(0)));
        }
    }

    #[test]
    fn a_certificate_for_servers_only_is_refused_unless_the_switch_is_lenient() {
        let identity = server_only();
        let database = json!({"name": "db", "memory_size": 1 << 28});
        let single = json!({"cert": identity.chain_pem, "private_key": identity.key_pem});
        for (switches, status) in [
            (Switches::all_default(), 400),
            (Switches::all_default().with(Switch::LenientCertificateUsage), 200),
        ] {
            let mut bed = Bed::with(1, Profile::default(), switches);
            let upload = bulk(&[entry("proxy", &identity)]);
            assert_eq!(bed.call("PUT", "/v1/cluster/certificates", upload).0, status);
            bed.database(database.clone());
            let path = "/v1/bdbs/1/certificates";
            assert_eq!(bed.call("POST", path, single.clone()).0, status);
        }
    }

    #[test]
    fn an_invalid_certificate_is_404_for_the_older_call_on_the_other_side() {
        let garbage = TlsIdentity {
            chain_pem: "garbage".into(),
            key_pem: "garbage".into(),
        };
        for (switches, status) in [
            (Switches::all_default(), 400),
            (Switches::all_default().with(Switch::UpdateCertInvalid404), 404),
        ] {
            let mut bed = Bed::with(1, Profile::default(), switches);
            let invalid = entry("proxy", &garbage);
            let one = bed.refused("PUT", "/v1/cluster/update_cert", invalid.clone());
            assert_eq!(one, (status, "invalid_certificate".to_owned()));
            let several = bed.refused("PUT", "/v1/cluster/certificates", bulk(&[invalid]));
            assert_eq!(several.0, 400);
            let old = entry("proxy", &made(400));
            assert_eq!(bed.refused("PUT", "/v1/cluster/update_cert", old).0, 406);
        }
    }

    #[test]
    fn rotation_replaces_the_internode_certificate_that_it_names_and_without_a_name_both() {
        const PATH: &str = "/v1/cluster/certificates/rotate";
        let internode = ["ccs_internode_encryption", "data_internode_encryption"];
        for (body, rotated) in [
            (json!({"name": internode[0]}), &internode[..1]),
            (json!({"name": internode[1]}), &internode[1..]),
            (json!({}), &internode[..]),
        ] {
            let mut bed = Bed::new();
            let before = bed.ok("GET", "/v1/cluster/certificates", Value::Null);
            bed.ok("POST", PATH, body.clone());
            let after = bed.ok("GET", "/v1/cluster/certificates", Value::Null);
            let changed = |field: &str| before[field] != after[field];
            let names = certs::NAMES.iter().map(|row| row.name);
            let certificates: Vec<&str> = names
                .clone()
                .filter(|name| changed(&format!("{name}_cert")))
                .collect();
            let keys: Vec<&str> = names.filter(|name| changed(&format!("{name}_key"))).collect();
            assert_eq!((&certificates[..], &keys[..]), (rotated, rotated), "{body}");
            bed.pass(5);
            for (node, name) in (0..3).flat_map(|node| internode.map(|name| (node, name))) {
                let used = bed.world.installed(NodeIndex(node), name).unwrap();
                assert_eq!(after[format!("{name}_cert")], used.chain_pem, "{name} on {node}");
            }
        }
        assert_eq!(Bed::new().refused("POST", PATH, json!({"name": "api"})).0, 403);
    }

    #[test]
    fn only_optional_certificates_can_be_deleted() {
        let mut bed = Bed::new();
        bed.ok(
            "PUT",
            "/v1/cluster/certificates",
            bulk(&[entry("ldap_client", &made(0))]),
        );
        bed.pass(5);
        bed.ok("DELETE", "/v1/cluster/certificates/ldap_client", Value::Null);
        assert_eq!(bed.world.installed(NodeIndex(0), "ldap_client"), None);
        for (name, status) in [("ldap_client", 404), ("nope", 404), ("proxy", 403)] {
            assert_eq!(
                bed.refused("DELETE", &format!("/v1/cluster/certificates/{name}"), Value::Null)
                    .0,
                status,
                "{name}"
            );
        }
    }
}
