//! `regent plan`: what the operator would do, and why, from the same planner. Reads only.

use crate::api::RedisCluster;
use crate::api::is_paused;
use crate::cli::manifest::Manifest;
use crate::cli::manifest::overlay;
use crate::cli::printout::ObjectPlan;
use crate::cli::printout::Outcome;
use crate::cli::printout::Planned;
use crate::cli::printout::heading;
use crate::engine::ClusterView;
use crate::engine::Freshness;
use crate::engine::Moment;
use crate::operator::clock::Clock;
use crate::operator::kube::Kube;
use crate::operator::object::Object;
use crate::operator::object::ObjectKey;
use crate::operator::resolve::Live;
use crate::operator::resolve::Resolve;
use crate::operator::resolve::World;
use crate::operator::secrets::Secrets;
use crate::operator::stores::Shelf;
use crate::operator::stores::Stores;
use crate::plan::access::ClusterKey;
use crate::rest::Client as RestClient;
use crate::rest::transport::Transport;
use crate::rest::transport::over_tls;
use clap::Args;
use kube::Client;
use kube::Config;
use kube::ResourceExt;
use kube::config::KubeConfigOptions;
use kube::config::Kubeconfig;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Flags of `regent plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanOptions {
    /// Namespace whose objects are planned [default: that of the kubeconfig].
    #[arg(short, long)]
    namespace: Option<String>,
    /// File with objects: what would be done if they were applied. `-` reads standard input.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Kubeconfig [default: $KUBECONFIG, ~/.kube/config, or that of the pod].
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long)]
    context: Option<String>,
}

/// Longer than the command runs: each Secret is read once.
const ONCE: Duration = Duration::from_secs(60 * 60 * 24);

/// Prints the plans of the objects.
pub async fn main(options: PlanOptions) -> ExitCode {
    match planned(options).await {
        Ok(planned) => {
            print!("{planned}");
            planned.exit_code()
        }
        Err(error) => {
            eprintln!("regent plan: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn planned(options: PlanOptions) -> Result<Planned, String> {
    let client = client(&options).await?;
    let namespace = options
        .namespace
        .clone()
        .unwrap_or_else(|| client.default_namespace().to_owned());
    let manifest = match &options.file {
        Some(file) => Some(
            Manifest::read(&text(file)?, &namespace)
                .map_err(|error| format!("{}: {error}", file.display()))?,
        ),
        None => None,
    };
    planned_over(client, over_tls(), Clock::system(), &namespace, manifest).await
}

/// The plans of the objects of a namespace, or of a manifest as if it were applied, with Redis Enterprise reached over
/// `transport`.
///
/// # Errors
/// When the API server does not answer.
pub async fn planned_over(
    client: Client,
    transport: Transport,
    clock: Clock,
    namespace: &str,
    manifest: Option<Manifest>,
) -> Result<Planned, String> {
    let way = Way {
        kube: Kube::new(client, "regent-plan"),
        rest: RestClient::new(transport),
        clock,
    };
    let scene = Scene::set(way, namespace, manifest).await?;
    let mut objects = scene.plans::<RedisCluster>().await;
    objects.extend(scene.plans::<crate::api::ClusterCertificate>().await);
    objects.extend(scene.plans::<crate::api::RedisDatabase>().await);
    Ok(Planned { objects })
}

async fn client(options: &PlanOptions) -> Result<Client, String> {
    let selected = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match &options.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| error.to_string())?;
            Config::from_custom_kubeconfig(kubeconfig, &selected)
                .await
                .map_err(|error| error.to_string())?
        }
        None if options.context.is_some() => Config::from_kubeconfig(&selected)
            .await
            .map_err(|error| error.to_string())?,
        None => Config::infer().await.map_err(|error| error.to_string())?,
    };
    Client::try_from(config).map_err(|error| error.to_string())
}

fn text(file: &PathBuf) -> Result<String, String> {
    if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| format!("standard input: {error}"))?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Whom to ask.
struct Way {
    kube: Kube,
    rest: RestClient,
    clock: Clock,
}

/// The objects as they are, or as they would be with the file applied.
struct Scene {
    way: Way,
    /// When the command began: whatever was read since then will do.
    began: Moment,
    stores: Stores,
    secrets: Secrets,
    views: BTreeMap<ClusterKey, ClusterView>,
    /// What is planned.
    subjects: BTreeSet<ObjectKey>,
}

impl Scene {
    async fn set(way: Way, namespace: &str, manifest: Option<Manifest>) -> Result<Self, String> {
        let from_file = manifest.is_some();
        let manifest = manifest.unwrap_or_default();
        let mut subjects = keys(&manifest.clusters);
        subjects.extend(keys(&manifest.databases));
        subjects.extend(keys(&manifest.certificates));
        let namespaces = namespaces(&subjects, namespace);
        let secrets = Secrets::new(ONCE);
        for secret in &manifest.secrets {
            secrets
                .preload(&secret.namespace().unwrap_or_default(), secret)
                .await;
        }
        let (kube, now) = (&way.kube, way.clock.now());
        let clusters = overlay(clusters(kube, &namespaces).await?, manifest.clusters, now);
        let databases = overlay(objects(kube, &namespaces).await?, manifest.databases, now);
        let certificates = overlay(objects(kube, &namespaces).await?, manifest.certificates, now);
        if !from_file {
            let here = |key: &ObjectKey| key.namespace == namespace;
            subjects.extend(keys(&clusters).into_iter().filter(here));
            subjects.extend(keys(&databases));
            subjects.extend(keys(&certificates));
        }
        let views = clusters
            .iter()
            .map(|cluster| (cluster.cluster(), way.view(cluster)))
            .collect();
        let stores = Stores {
            clusters: Shelf::of(clusters),
            databases: Shelf::of(databases),
            certificates: Shelf::of(certificates),
        };
        Ok(Self {
            way,
            began: Moment::now(),
            stores,
            secrets,
            views,
            subjects,
        })
    }

    async fn plans<K: Resolve>(&self) -> Vec<ObjectPlan> {
        let mut plans = Vec::new();
        for key in self.subjects.iter().filter(|key| key.kind == K::KIND) {
            if let Some(object) = K::shelf(&self.stores).get(&key.namespace, &key.name) {
                plans.push(self.plan(&*object).await);
            }
        }
        plans
    }

    async fn plan<K: Resolve>(&self, object: &K) -> ObjectPlan {
        let cluster = self
            .stores
            .clusters
            .get(&object.cluster().namespace, &object.cluster().name);
        let outcome = if is_paused(object.meta()) {
            Outcome::Paused
        } else {
            self.look(object).await.unwrap_or_else(Outcome::Error)
        };
        ObjectPlan {
            heading: heading(object, cluster.as_deref()),
            policy: object.management_policy(),
            outcome,
        }
    }

    async fn look<K: Resolve>(&self, object: &K) -> Result<Outcome, String> {
        let now = self.way.clock.now();
        let world = World {
            kube: &self.way.kube,
            stores: &self.stores,
            secrets: &self.secrets,
            live: Live::default(),
            now,
            takeover_until: None,
            fresh_since: None,
        };
        let inputs = object.resolve(&world).await.map_err(|error| error.to_string())?;
        let nobody = ClusterView::new(self.way.rest.clone());
        let view = self.views.get(&object.cluster()).unwrap_or(&nobody);
        let observed = object
            .observe(&inputs, view, Freshness::After(self.began), now)
            .await
            .map_err(|error| error.to_string())?;
        Ok(Outcome::of(&object.plan(&inputs, &observed, now)))
    }
}

impl Way {
    /// A view that respects what the operator knows of rejected credentials.
    fn view(&self, cluster: &RedisCluster) -> ClusterView {
        let view = ClusterView::new(self.rest.clone());
        let status = cluster.status.as_ref();
        match status.and_then(|status| status.rejected_credentials.as_ref()) {
            Some(rejected) => view.with_rejected(rejected, self.clock.now()),
            None => view,
        }
    }
}

fn keys<K: Object>(objects: &[K]) -> BTreeSet<ObjectKey> {
    objects.iter().map(Object::key).collect()
}

/// The namespaces of the subjects; without any, the one that was asked for.
fn namespaces(subjects: &BTreeSet<ObjectKey>, namespace: &str) -> BTreeSet<String> {
    match subjects.is_empty() {
        true => [namespace.to_owned()].into(),
        false => subjects.iter().map(|key| key.namespace.clone()).collect(),
    }
}

async fn objects<K: Object>(kube: &Kube, namespaces: &BTreeSet<String>) -> Result<Vec<K>, String> {
    let mut objects = Vec::new();
    for namespace in namespaces {
        objects.extend(
            kube.list(Some(namespace))
                .await
                .map_err(|error| error.to_string())?,
        );
    }
    Ok(objects)
}

/// Every RedisCluster, because older ones elsewhere may claim the same cluster; those at hand where not all may be listed.
async fn clusters(kube: &Kube, namespaces: &BTreeSet<String>) -> Result<Vec<RedisCluster>, String> {
    match kube.list(None).await {
        Ok(clusters) => Ok(clusters),
        Err(error) if error.is_forbidden() => objects(kube, namespaces).await,
        Err(error) => Err(error.to_string()),
    }
}
