//! The chart's role is enough, and no verb of it is spare: each is taken away in turn, and something is refused.

use crate::live::Result;
use crate::live::audit;
use crate::live::eventually;
use crate::live::objects;
use crate::site::INTERVAL;
use crate::site::PATIENCE;
use crate::site::Site;
use crate::site::control_plane;
use crate::site::run;
use crate::site::site;
use serde_json::Value;
use serde_json::json;
use std::time::Instant;

/// One verb on one resource, and where it is granted.
#[derive(Clone, Debug)]
struct Grant {
    role: String,
    rule: usize,
    resource: String,
    verb: String,
}

#[test]
fn without_any_verb_of_the_role_something_is_refused() {
    run(async {
        let mut site = site("rights")
            .operator(&["--lease-duration", "5s", "--takeover-grace", "100ms"])
            .start()
            .await?;
        site.apply(&site.cluster()).await?;
        site.ready("RedisCluster", "prod").await?;
        site.operator
            .take()
            .ok_or("the operator runs")?
            .process()
            .stop()?;
        let roles = roles(&site).await?;
        let grants = grants(&roles);
        assert!(grants.len() > 10, "the role grants something: {grants:?}");
        let mut spare = Vec::new();
        for (round, grant) in grants.iter().enumerate() {
            if let Err(error) = is_missed(&mut site, &roles, grant, round).await {
                spare.push(format!("{} {}: {error}", grant.verb, grant.resource));
            }
        }
        assert!(
            spare.is_empty(),
            "verbs that nobody misses:\n{}",
            spare.join("\n")
        );
        Ok(())
    });
}

#[test]
fn the_role_grants_no_list_of_secrets_and_nothing_that_makes_rights() {
    run(async {
        let site = site("modest").start_without_operator().await?;
        for grant in grants(&roles(&site).await?) {
            assert_ne!(grant.verb, "*", "{grant:?}");
            assert_ne!(grant.resource, "*", "{grant:?}");
            let secret =
                grant.resource == "secrets" && ["list", "watch", "delete"].contains(&grant.verb.as_str());
            assert!(!secret, "{grant:?}");
            let kinds = [
                "pods",
                "roles",
                "rolebindings",
                "clusterroles",
                "clusterrolebindings",
                "serviceaccounts",
            ];
            assert!(!kinds.contains(&grant.resource.as_str()), "{grant:?}");
        }
        Ok(())
    });
}

async fn roles(site: &Site) -> Result<Vec<Value>> {
    let text = control_plane()
        .await?
        .kubectl(&["get", "roles", "-n", &site.namespace, "-o", "json"])?;
    let list: Value = serde_json::from_str(&text)?;
    Ok(list
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default())
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn grants(roles: &[Value]) -> Vec<Grant> {
    let mut grants = Vec::new();
    for role in roles {
        let name = role
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for (rule, granted) in role
            .get("rules")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            for resource in texts(granted.get("resources")) {
                for verb in texts(granted.get("verbs")) {
                    grants.push(Grant {
                        role: name.to_owned(),
                        rule,
                        resource: resource.clone(),
                        verb,
                    });
                }
            }
        }
    }
    grants
}

/// The role without one verb on one resource.
fn without(role: &Value, grant: &Grant) -> Value {
    let mut rules = role
        .get("rules")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut less = rules[grant.rule].clone();
    less["resources"] = json!([grant.resource]);
    less["verbs"] = json!(
        texts(less.get("verbs"))
            .into_iter()
            .filter(|verb| *verb != grant.verb)
            .collect::<Vec<_>>()
    );
    let others: Vec<_> = texts(rules[grant.rule].get("resources"))
        .into_iter()
        .filter(|resource| *resource != grant.resource)
        .collect();
    rules[grant.rule]["resources"] = json!(others);
    if others.is_empty() {
        rules.remove(grant.rule);
    }
    if less["verbs"] != json!([]) {
        rules.push(less);
    }
    json!({ "rules": rules })
}

/// Runs the operator without the verb through the life of a database, until the API server refuses exactly that.
async fn is_missed(site: &mut Site, roles: &[Value], grant: &Grant, round: usize) -> Result<()> {
    let kubectl = |args: Vec<String>| async move {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        control_plane().await?.kubectl(&args)
    };
    let role = roles
        .iter()
        .find(|role| role.pointer("/metadata/name") == Some(&json!(grant.role)))
        .ok_or("role")?;
    let patch = |rules: &Value| {
        let text = rules.to_string();
        [
            "patch",
            "role",
            &grant.role,
            "-n",
            &site.namespace,
            "--type=merge",
            "-p",
            &text,
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let (less, whole) = (
        patch(&without(role, grant)),
        patch(&json!({"rules": role["rules"]})),
    );
    // Without a Lease the first replica creates one; with one it updates it.
    let namespace = site.namespace.clone();
    kubectl(
        ["delete", "leases", "--all", "-n", &namespace]
            .map(str::to_owned)
            .to_vec(),
    )
    .await?;
    kubectl(less).await?;
    let mark = site.mark().await?;
    let missed = live_through(site, grant, mark, round).await;
    if let Some(mut operator) = site.operator.take() {
        operator.process().kill()?;
    }
    kubectl(whole).await?;
    // The next round's database has the licence to itself.
    let name = format!("db-{round}");
    site.delete("RedisDatabase", &name).await?;
    let bare = json!({"metadata": {"finalizers": []}});
    let _ = objects::patch(&site.client, &site.namespace, "RedisDatabase", &name, &bare).await;
    missed
}

/// What happens to the objects of a round, one thing after the other, until the verb is missed.
const EVENTS: [&str; 7] = [
    "created",
    "drift",
    "drift",
    "drift",
    "secret",
    "spec",
    "finalizers",
];

async fn live_through(site: &mut Site, grant: &Grant, mark: audit::Mark, round: usize) -> Result<()> {
    site.start_operator(&format!("round-{round}"))?;
    let name = format!("db-{round}");
    for event in EVENTS {
        happen(site, &name, event, round).await?;
        if refused_soon(site, grant, mark, &name).await.unwrap_or(false) {
            return Ok(());
        }
    }
    Err("the API server refused nothing of the kind".into())
}

/// Whether the refusal comes. It did not once the database is Ready again and the operator has had its turns since; on a
/// busy machine that takes as long as it takes.
async fn refused_soon(site: &Site, grant: &Grant, mark: audit::Mark, name: &str) -> Result<bool> {
    let began = Instant::now();
    eventually(
        "the refusal, or the database to be Ready without",
        PATIENCE / 4,
        || async {
            let requests = site.requests(mark).await?;
            if requests.iter().any(|entry| is_refusal(entry, grant)) {
                return Ok(Ok(true));
            }
            let database = site.get("RedisDatabase", name).await?;
            Ok(match objects::ready(&database) {
                Ok(()) if began.elapsed() > 4 * INTERVAL => Ok(false),
                Ok(()) => Err("a turn later, perhaps".to_owned()),
                Err(why) => Err(why),
            })
        },
    )
    .await
}

async fn happen(site: &Site, name: &str, event: &str, round: usize) -> Result<()> {
    let (client, namespace) = (&site.client, site.namespace.as_str());
    let token = json!({"metadata": {"annotations": {"regent.dev/reconcile-requested-at": format!("{round}-{event}")}}});
    match event {
        "created" => {
            // The trial licence has room for a few; those of earlier rounds have done their part.
            eventually("room for a database", PATIENCE, || async {
                let left = site.databases().await?;
                for uid in left.iter().filter_map(|bdb| bdb.get("uid")?.as_u64()) {
                    // Refused while it is being changed; asked again until it is gone.
                    let _ = site
                        .rest("DELETE", &format!("/v1/bdbs/{uid}"), &Value::Null)
                        .await;
                }
                Ok(if left.is_empty() {
                    Ok(())
                } else {
                    Err(format!("{} are left", left.len()))
                })
            })
            .await?;
            let mut database = site.database(name);
            database["spec"]["evictionPolicy"] = json!("NoEviction");
            database["spec"]["deletionPolicy"] = json!("Delete");
            database["spec"]["passwordSecretRef"] =
                json!({"name": format!("{name}-password"), "generate": true});
            database["spec"]["connectionSecret"] = json!({"name": format!("{name}-conn")});
            site.apply(&database).await?;
            site.apply(&site.certificate("proxy").await?).await?;
        }
        "drift" => {
            let uid = site
                .get("RedisDatabase", name)
                .await?
                .data
                .pointer("/status/uid")
                .and_then(Value::as_u64);
            if let Some(uid) = uid {
                // Refused while the database is being changed; the next turn comes.
                let change = json!({"eviction_policy": "allkeys-lru"});
                let _ = site.rest("PUT", &format!("/v1/bdbs/{uid}"), &change).await;
            }
        }
        "secret" => {
            let edited = json!({"stringData": {"host": "edited"}});
            // There is none while the operator may not make one.
            let _ = objects::patch(client, namespace, "Secret", &format!("{name}-conn"), &edited).await;
            objects::patch(client, namespace, "RedisDatabase", name, &token).await?;
        }
        "spec" => {
            let timeout = json!({"spec": {"settings": {"cmSessionTimeoutMinutes": 15 + round}}});
            objects::patch(client, namespace, "RedisCluster", "prod", &timeout).await?;
        }
        _ => {
            let bare = json!({"metadata": {"finalizers": []}});
            for (kind, name) in [("RedisCluster", "prod"), ("ClusterCertificate", "proxy")] {
                objects::patch(client, namespace, kind, name, &bare).await?;
            }
            // Something to do for both, so that they hold on again.
            let timeout = json!({"spec": {"settings": {"cmSessionTimeoutMinutes": 60 + round}}});
            objects::patch(client, namespace, "RedisCluster", "prod", &timeout).await?;
            site.apply(&site.certificate("proxy").await?).await?;
            objects::patch(client, namespace, "ClusterCertificate", "proxy", &token).await?;
        }
    }
    Ok(())
}

fn is_refusal(entry: &audit::Entry, grant: &Grant) -> bool {
    let Some(object) = &entry.object_ref else {
        return false;
    };
    let resource = match &object.subresource {
        Some(sub) => format!("{}/{sub}", object.resource),
        None => object.resource.clone(),
    };
    let refused = entry
        .response_status
        .as_ref()
        .is_some_and(|status| status.code == 403);
    refused && entry.verb == grant.verb && resource == grant.resource
}
