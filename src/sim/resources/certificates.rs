//! The certificates of a cluster: read, replaced all over the cluster node by node, rotated, deleted.

use crate::sim::auth::Permission;
use crate::sim::call::{Answer, ApiError, Ctx, Reply};
use crate::sim::certs::{self, CertError, NameRow, Rules};
use crate::sim::config::{CertificateOrder, TlsIdentity};
use crate::sim::ids::NodeIndex;
use crate::sim::route::Route;
use crate::sim::state::{Cluster, Due, Env};
use crate::sim::switch::Switch;
use crate::sim::version::Profile;
use http::StatusCode;
use serde_json::{Map, Value};

/// Routes of this family.
pub(crate) const ROUTES: &[Route] = &[
    Route::new("GET", "/v1/cluster/certificates", Permission::View, list),
    Route::new(
        "PUT",
        "/v1/cluster/certificates",
        Permission::Administrate,
        replace,
    )
    .since(Profile::V7_22_2),
    Route::new(
        "PUT",
        "/v1/cluster/update_cert",
        Permission::Administrate,
        replace_one,
    ),
    Route::new(
        "POST",
        "/v1/cluster/certificates/rotate",
        Permission::Administrate,
        rotate,
    ),
    Route::new(
        "DELETE",
        "/v1/cluster/certificates/{name}",
        Permission::Administrate,
        delete,
    ),
];

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
    closed(&body, &["certificates"])?;
    let entries = body
        .get("certificates")
        .and_then(Value::as_array)
        .filter(|entries| !entries.is_empty());
    let entries = entries
        .ok_or_else(|| ApiError::bad_request("certificates: a list with at least one entry is wanted"))?;
    let checked: Result<Vec<_>, _> = entries.iter().map(|entry| upload(ctx, entry)).collect();
    install(ctx, checked?, StatusCode::CONFLICT)
}

/// One, as before 7.22.2.
fn replace_one(ctx: &mut Ctx<'_>) -> Answer {
    let checked = upload(ctx, &ctx.call.body)?;
    install(ctx, vec![checked], StatusCode::CONFLICT)
}

/// New certificates for the traffic between nodes: one, or all of them.
fn rotate(ctx: &mut Ctx<'_>) -> Answer {
    let body = ctx.call.object()?;
    closed(&body, &["name"])?;
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
    let issue = |row: &'static NameRow| {
        let order = CertificateOrder {
            cluster_name: ctx.cluster.name.clone(),
            certificate: row.name.to_owned(),
            generation: ctx.cluster.certificate_generation,
        };
        (row, ctx.env.certificates.issue(&order))
    };
    let issued = rows.map(issue).collect();
    install(ctx, issued, StatusCode::BAD_REQUEST)
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
    if in_use {
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
    closed(entry, &["name", "certificate", "key"])?;
    let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    let name = entry
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| ApiError::bad_request("name: text is wanted"))?;
    let row = certs::named(name, ctx.env.profile);
    let row =
        row.ok_or_else(|| ApiError::forbidden("forbidden", format!("there is no certificate {name:?}")))?;
    let rules = Rules {
        now: ctx.env.now,
        profile: ctx.env.profile,
        strict_usage: !ctx.env.on(Switch::LenientCertificateUsage),
        ciphers: row
            .ciphers
            .and_then(|setting| ctx.cluster.settings.get(setting))
            .and_then(Value::as_str),
    };
    certs::check(row, text("certificate"), text("key"), rules).map_err(|error| match error {
        CertError::Invalid(why) => ApiError::new(StatusCode::BAD_REQUEST, "invalid_certificate", why),
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

/// The cluster takes them over at once, its nodes one after the other. `partial` is the status if some cannot be reached.
fn install(ctx: &mut Ctx<'_>, new: Vec<(&'static NameRow, TlsIdentity)>, partial: StatusCode) -> Answer {
    let all = ctx.cluster.members.len();
    let mut reached = members(ctx.cluster, ctx.env);
    if let Some(limit) = ctx.env.ordered.certificates_on {
        reached.truncate(limit);
    }
    let names: Vec<&'static str> = new.iter().map(|(row, _)| row.name).collect();
    for (row, identity) in new {
        ctx.cluster.certificates.insert(row.name.to_owned(), identity);
    }
    let length = ctx.env.timings.certificate_apply;
    let count = u32::try_from(reached.len()).unwrap_or(1).max(1);
    for (place, index) in (1_u32..).zip(&reached) {
        for name in &names {
            ctx.env.schedule(
                length * place / count,
                Due::Certificate(ctx.cluster.id, *index, name),
            );
        }
    }
    ctx.commit();
    if reached.len() < all {
        let text = format!(
            "certificates were updated on {} of {all} nodes; try again",
            reached.len()
        );
        return Err(ApiError::new(partial, "not_all_nodes_updated", text));
    }
    Ok(Reply::empty().after(length))
}

/// A node begins to use the cluster's present certificate `name`.
pub(crate) fn certificate_due(cluster: &Cluster, env: &mut Env, index: NodeIndex, name: &str) {
    let member = cluster.members.values().any(|member| member.host == index);
    if let (true, Some(identity), Some(node)) = (member, cluster.certificates.get(name), env.node_mut(index))
    {
        node.installed.insert(name.to_owned(), identity.clone());
    }
}

/// Members that can be reached, by uid.
fn members(cluster: &Cluster, env: &Env) -> Vec<NodeIndex> {
    let hosts = cluster.alive().map(|member| member.host);
    hosts
        .filter(|host| env.node(*host).is_some_and(crate::sim::state::SimNode::is_on))
        .collect()
}

/// No other keys than these.
fn closed(map: &Map<String, Value>, keys: &[&str]) -> Result<(), ApiError> {
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(ApiError::bad_request(format!("unknown field {key:?}"))),
        None => Ok(()),
    }
}
