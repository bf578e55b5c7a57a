//! Settings, policy, racks and licence: what the spec sets and Redis Enterprise has differently, and nothing else.

use crate::api::ClusterPolicy;
use crate::api::ClusterSettings;
use crate::api::NodeSpec;
use crate::api::Reason;
use crate::plan::cluster::Action;
use crate::plan::cluster::Live;
use crate::plan::cluster::Outcome;
use crate::plan::cluster::bootstrap::object;
use crate::plan::cluster::view::View;
use crate::plan::field;
use crate::plan::field::Diff;
use crate::plan::field::Field;
use crate::plan::field::Mutability;
use crate::rest::model::JsonMap;
use crate::rest::model::Node;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// Settings by type: PUT `/v1/cluster`.
pub const SETTINGS: &[Field<ClusterSettings>] = &[
    Field {
        path: "spec.settings.handleRedirects",
        wire: "handle_redirects",
        wanted: |spec| Ok(spec.handle_redirects.map(Value::from)),
        canonical: field::switch,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.settings.emailAlerts",
        wire: "email_alerts",
        wanted: |spec| Ok(spec.email_alerts.map(Value::from)),
        canonical: field::switch,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.settings.cmSessionTimeoutMinutes",
        wire: "cm_session_timeout_minutes",
        wanted: |spec| Ok(spec.cm_session_timeout_minutes.map(Value::from)),
        canonical: field::numeric,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.settings.passwordComplexity",
        wire: "password_complexity",
        wanted: |spec| Ok(spec.password_complexity.map(Value::from)),
        canonical: field::switch,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.settings.passwordExpirationDays",
        wire: "password_expiration_duration",
        wanted: |spec| Ok(spec.password_expiration_days.map(Value::from)),
        canonical: field::numeric,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.settings.minControlTlsVersion",
        wire: "min_control_TLS_version",
        wanted: |spec| Ok(spec.min_control_tls_version.clone().map(Value::from)),
        canonical: field::exact,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.settings.minDataTlsVersion",
        wire: "min_data_TLS_version",
        wanted: |spec| Ok(spec.min_data_tls_version.clone().map(Value::from)),
        canonical: field::exact,
        mutability: Mutability::Free,
    },
];

/// Policy by type: PUT `/v1/cluster/policy`.
pub const POLICY: &[Field<ClusterPolicy>] = &[
    Field {
        path: "spec.policy.rackAware",
        wire: "rack_aware",
        wanted: |spec| Ok(spec.rack_aware.map(Value::from)),
        canonical: field::switch,
        mutability: Mutability::OneWay,
    },
    Field {
        path: "spec.policy.defaultShardsPlacement",
        wire: "default_shards_placement",
        wanted: |spec| Ok(spec.default_shards_placement.map(field::shard_placement)),
        canonical: field::exact,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.policy.defaultShardedProxyPolicy",
        wire: "default_sharded_proxy_policy",
        wanted: |spec| Ok(spec.default_sharded_proxy_policy.map(field::proxy_policy)),
        canonical: field::exact,
        mutability: Mutability::Free,
    },
    Field {
        path: "spec.policy.defaultNonShardedProxyPolicy",
        wire: "default_non_sharded_proxy_policy",
        wanted: |spec| Ok(spec.default_non_sharded_proxy_policy.map(field::proxy_policy)),
        canonical: field::exact,
        mutability: Mutability::Free,
    },
];

/// Names that `extra` refuses, and why.
const REFUSED: &[(&str, &str)] = &[
    ("name", "it is spec.clusterName and cannot change"),
    ("created_time", "Redis Enterprise sets it"),
    (
        "smtp_password",
        "it cannot be read back, and a secret does not belong into a spec",
    ),
];

/// Puts right what differs.
pub(super) fn converge(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let Some(live) = view.ours() else { return out };
    check_members(view, live, &mut out);
    give_racks(view, live, &mut out);
    let mut policy = policy_diff(view, live);
    if policy.body.contains_key("rack_aware") {
        require_racks(view, live, &mut policy);
    }
    let settings = settings_diff(view, live);
    take(policy, Action::UpdatePolicy, &mut out);
    take(settings, Action::UpdateCluster, &mut out);
    license(view, live, &mut out);
    out
}

/// Only says what differs.
pub(super) fn report_drift(view: &View<'_>) -> Outcome {
    let mut out = Outcome::default();
    let Some(live) = view.live() else { return out };
    out.plan.drift.extend(policy_diff(view, live).drift);
    out.plan.drift.extend(settings_diff(view, live).drift);
    out
}

fn take(diff: Diff, action: fn(JsonMap) -> Action, out: &mut Outcome) {
    out.plan.drift.extend(diff.drift);
    out.plan.holds.extend(diff.holds);
    if !diff.body.is_empty() {
        out.call(action(diff.body));
    }
}

fn settings_diff(view: &View<'_>, live: &Live) -> Diff {
    let Some(settings) = &view.spec.settings else {
        return Diff::default();
    };
    let typed: Vec<_> = SETTINGS.iter().map(|row| (row.wire, row.path)).collect();
    let mut diff = field::diff(SETTINGS, settings, &live.cluster.settings, &[]);
    extra(
        "spec.settings.extra",
        settings.extra.as_ref(),
        &typed,
        &live.cluster.settings,
        &mut diff,
    );
    diff
}

fn policy_diff(view: &View<'_>, live: &Live) -> Diff {
    let Some(policy) = &view.spec.policy else {
        return Diff::default();
    };
    let typed: Vec<_> = POLICY.iter().map(|row| (row.wire, row.path)).collect();
    let mut diff = field::diff(POLICY, policy, &live.policy, &[]);
    extra(
        "spec.policy.extra",
        policy.extra.as_ref(),
        &typed,
        &live.policy,
        &mut diff,
    );
    diff
}

/// Compares the fields that have no type of their own: by name, as JSON.
fn extra(
    path: &str,
    extra: Option<&BTreeMap<String, String>>,
    typed: &[(&str, &str)],
    live: &JsonMap,
    diff: &mut Diff,
) {
    for (name, text) in extra.into_iter().flatten() {
        let path = format!("{path}[{name}]");
        match parse_extra(name, text, typed) {
            Err(fault) => diff.hold(&path, Reason::InvalidSpec, fault),
            Ok(wanted) => {
                let found = live.get(name).unwrap_or(&Value::Null);
                if !covers(found, &wanted) {
                    diff.differs(&path, &narrow(found, &wanted), &wanted);
                    diff.body.insert(name.clone(), wanted);
                }
            }
        }
    }
}

fn parse_extra(name: &str, text: &str, typed: &[(&str, &str)]) -> Result<Value, String> {
    if let Some((_, path)) = typed.iter().find(|(wire, _)| *wire == name) {
        return Err(format!("it has a field of its own; set {path} instead"));
    }
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(format!("it cannot be set here: {why}"));
    }
    serde_json::from_str(text).map_err(|error| {
        format!(
            "its value is not JSON ({error}); write text in quotes of its own, as in `{name}: '\"text\"'`"
        )
    })
}

/// Whether the live value already is what is wanted. Of an object only the wanted keys count.
fn covers(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| covers(live.get(key).unwrap_or(&Value::Null), wanted)),
        _ => field::numeric(live) == field::numeric(wanted),
    }
}

/// The part of the live value that the wanted one speaks of.
fn narrow(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => live
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), narrow(value, wanted.get(key)?))))
            .collect(),
        _ => live.clone(),
    }
}

/// What was fixed when a member joined and differs from the spec now.
fn check_members(view: &View<'_>, live: &Live, out: &mut Outcome) {
    for (spec, node) in members(view, live) {
        let addresses = |list: &[String]| list.iter().cloned().collect::<std::collections::BTreeSet<_>>();
        let limits = spec.limits.clone().unwrap_or_default();
        let resting = live.in_maintenance(node.uid);
        let mut differs = |field: &str, have: String, want: String| {
            out.drift(
                format!("spec.nodes[{}].{field}", spec.name),
                have.clone(),
                want.clone(),
            );
            let detail = format!("{field} is {have} and cannot become {want}: it is fixed when a node joins");
            out.hold(
                format!("set {field} of node {}", spec.name),
                Reason::UnsupportedChange,
                detail,
            );
        };
        if node.addr != spec.address {
            differs("address", node.addr.clone(), spec.address.clone());
        }
        if let Some(wanted) = &spec.external_addresses
            && addresses(wanted) != addresses(&node.external_addr)
        {
            differs("externalAddresses", list(&node.external_addr), wanted.join(" "));
        }
        for (field, want, have) in [
            ("limits.maxListeners", limits.max_listeners, node.max_listeners),
            (
                "limits.maxRedisServers",
                limits.max_redis_servers,
                node.max_redis_servers,
            ),
        ] {
            if let (Some(want), Some(have)) = (want, have)
                && want != have
                && !resting
            {
                differs(field, have.to_string(), want.to_string());
            }
        }
        if let Some(rack) = &spec.rack_id
            && !node.rack_id.is_empty()
            && !node.rack_id.eq_ignore_ascii_case(rack)
        {
            differs("rackId", node.rack_id.clone(), rack.clone());
        }
    }
}

fn list(values: &[String]) -> String {
    if values.is_empty() {
        "none".to_owned()
    } else {
        values.join(" ")
    }
}

/// A rack can be set once, on a member that has none.
fn give_racks(view: &View<'_>, live: &Live, out: &mut Outcome) {
    for (spec, node) in members(view, live) {
        if let Some(rack) = spec
            .rack_id
            .as_ref()
            .filter(|rack| node.rack_id.is_empty() && !rack.is_empty())
        {
            out.drift(format!("spec.nodes[{}].rackId", spec.name), "unset", rack.clone());
            out.call(Action::UpdateNode {
                node: view.named(node),
                body: object(json!({"rack_id": rack})),
            });
        }
    }
}

/// Rack awareness needs a rack on every node before it is switched on.
fn require_racks(view: &View<'_>, live: &Live, policy: &mut Diff) {
    let given = |node: &Node| {
        members(view, live).any(|(spec, member)| {
            member.uid == node.uid && spec.rack_id.as_ref().is_some_and(|r| !r.is_empty())
        })
    };
    let rackless = live
        .nodes
        .iter()
        .find(|node| node.rack_id.is_empty() && !given(node));
    if let Some(node) = rackless {
        let detail = format!("{} has no rack; set rackId on every node first", view.named(node));
        policy.body.remove("rack_aware");
        policy.hold("spec.policy.rackAware", Reason::InvalidSpec, detail);
    }
}

fn members<'a>(view: &'a View<'a>, live: &'a Live) -> impl Iterator<Item = (&'a NodeSpec, &'a Node)> {
    view.spec
        .nodes
        .iter()
        .filter_map(|spec| Some((spec, view.member(live, spec)?)))
}

/// Installs the licence of the inputs, or says that the one in force has expired.
fn license(view: &View<'_>, live: &Live, out: &mut Outcome) {
    let wanted = view.inputs.license.as_ref().ok().and_then(Option::as_deref);
    let found = live.license.as_ref();
    let installed = found.map(|license| canonical_license(&license.license));
    match wanted {
        Some(wanted) if installed != Some(canonical_license(wanted)) => {
            out.drift(
                "spec.licenseSecretRef",
                "another licence",
                "the licence of the Secret",
            );
            out.call(Action::InstallLicense);
        }
        Some(_) | None => {
            if let Some(license) = found.filter(|license| license.expired) {
                let since = license
                    .expiration_date
                    .as_deref()
                    .map(|date| format!(" on {date}"))
                    .unwrap_or_default();
                let detail = format!(
                    "the licence has expired{since}: databases can be neither created nor changed; put a valid one into the \
                     Secret under licenseSecretRef"
                );
                out.hold("use the licence", Reason::LicenseExpired, detail);
            }
        }
    }
}

/// A licence with the line ends and blanks around its lines that copying changes taken away.
fn canonical_license(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}
