//! Counts the requests to Redis Enterprise.

use crate::operator::metrics::Metrics;
use crate::rest::transport::Transport;
use bytes::Bytes;
use http::Request;
use std::sync::Arc;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

/// The transport, with every request of `cluster` counted by its route and by what came of it.
pub fn counted(transport: Transport, cluster: String, metrics: Arc<Metrics>) -> Transport {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let (transport, cluster, metrics) = (transport.clone(), cluster.clone(), metrics.clone());
        async move {
            let route = format!("{} {}", request.method(), template(request.uri().path()));
            let answer = transport.oneshot(request).await;
            let code = answer
                .as_ref()
                .map_or("none".to_owned(), |answer| answer.status().as_str().to_owned());
            metrics.count_request(&cluster, &route, &code);
            answer
        }
    }))
}

/// The path without what names one object, so that the number of routes has a bound.
fn template(path: &str) -> String {
    if path.is_empty() {
        return "handshake".to_owned();
    }
    let is_name = |part: &str| part.contains(|letter: char| letter.is_ascii_digit()) && !is_version(part);
    path.split('/')
        .map(|part| if is_name(part) { "{id}" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|number| number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_name_no_object() {
        let rows = [
            ("/v1/bdbs", "/v1/bdbs"),
            ("/v1/bdbs/17/passwords", "/v1/bdbs/{id}/passwords"),
            ("/v1/nodes/2/actions/remove", "/v1/nodes/{id}/actions/remove"),
            ("/v2/actions/0c1a-77", "/v2/actions/{id}"),
            ("", "handshake"),
        ];
        for (path, route) in rows {
            assert_eq!(template(path), route);
        }
    }
}
