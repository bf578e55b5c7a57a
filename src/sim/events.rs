//! What the event log tells, how grave it is, and what brings it about. One test for each row.
//!
//! The list of alerts and events (clusters/logging/alerts-events) has the names that go to syslog, where the object stands
//! beside them. The REST API puts the object before the name, unless the name begins with it: `cluster_node_joined`,
//! `bdb_backup_failed`, `user_created`. Databases that come and go are told of the cluster, as its sample shows (requests/logs).

macro_rules! events {
    ($($test:ident $told:ident $name:literal $severity:ident [$($step:expr),*];)*) => {
        /// Something that the event log tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Told {
            $($told),*
        }

        impl Told {
            /// Its `type`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$told => $name),*
                }
            }

            pub(crate) fn severity(self) -> &'static str {
                match self {
                    $(Self::$told => $severity),*
                }
            }
        }

        #[cfg(test)]
        mod rows {
            use super::tests::*;

            $(#[test]
            fn $test() {
                assert_told(super::Told::$told, &[$($step),*]);
            })*
        }
    };
}

const INFO: &str = "INFO";
const ERROR: &str = "ERROR";

#[rustfmt::skip]
events! {
    backup_failed BackupFailed "bdb_backup_failed" ERROR [BACKED_UP_NOWHERE, HOUR];
    backup_started BackupStarted "bdb_backup_started" INFO [BACKED_UP, HOUR];
    backup_succeeded BackupSucceeded "bdb_backup_succeeded" INFO [BACKED_UP, HOUR];
    bdb_created BdbCreated "cluster_bdb_created" INFO [DB];
    bdb_deleted BdbDeleted "cluster_bdb_deleted" INFO [DB, MINUTE, Do("DELETE", "/v1/bdbs/1", ""), MINUTE];
    bdb_name_updated BdbRenamed "bdb_name_updated" INFO [DB, MINUTE, Do("PUT", "/v1/bdbs/1", r#"{"name":"other"}"#)];
    bdb_updated BdbUpdated "bdb_updated" INFO [DB, MINUTE, Do("PUT", "/v1/bdbs/1", r#"{"memory_size":536870912}"#)];
    cluster_updated ClusterUpdated "cluster_updated" INFO [Do("PUT", "/v1/cluster", r#"{"email_alerts":true}"#)];
    export_failed ExportFailed "bdb_export_failed" ERROR [DB, MINUTE, FAILING, EXPORT, MINUTE];
    export_started ExportStarted "bdb_export_started" INFO [DB, MINUTE, EXPORT];
    export_succeeded ExportSucceeded "bdb_export_succeeded" INFO [DB, MINUTE, EXPORT, MINUTE];
    import_failed ImportFailed "bdb_import_failed" ERROR [DB, MINUTE, FAILING, IMPORT, MINUTE];
    import_started ImportStarted "bdb_import_started" INFO [DB, MINUTE, IMPORT];
    import_succeeded ImportSucceeded "bdb_import_succeeded" INFO [DB, MINUTE, IMPORT, MINUTE];
    license_updated LicenseUpdated "cluster_license_updated" INFO [Do("PUT", "/v1/license", r#"{"license":"<license>"}"#)];
    node_abort_remove_request RemovalAbortRequested "node_abort_remove_request" INFO [REMOVE, Pass(3), STOP_REMOVING];
    node_joined NodeJoined "cluster_node_joined" INFO [];
    node_operation_failed NodeOperationFailed "cluster_node_operation_failed" ERROR [FAILING, Do("POST", "/v1/nodes/2/actions/maintenance_on", "{}"), MINUTE];
    node_remove_abort_completed RemovalAborted "cluster_node_remove_abort_completed" INFO [REMOVE, Pass(3), STOP_REMOVING, MINUTE];
    node_remove_completed NodeRemoved "cluster_node_remove_completed" INFO [REMOVE, MINUTE];
    node_remove_failed RemovalFailed "cluster_node_remove_failed" ERROR [FAILING, REMOVE, MINUTE];
    node_remove_request RemovalRequested "node_remove_request" INFO [REMOVE];
    user_created UserCreated "user_created" INFO [VIEWER];
    user_deleted UserDeleted "user_deleted" INFO [VIEWER, Do("DELETE", "/v1/users/2", ""), MINUTE];
    user_updated UserUpdated "user_updated" INFO [VIEWER, Do("PUT", "/v1/users/2", r#"{"name":"w"}"#)];
}

#[cfg(test)]
mod tests {
    use super::Told;
    use crate::sim::refusals::Step;
    pub(super) use crate::sim::refusals::Step::{Do, Pass};
    use crate::sim::refusals::tests::after;
    pub(super) use crate::sim::refusals::{DB, MINUTE, VIEWER};
    use serde_json::{Value, json};

    pub(super) const HOUR: Step = Pass(3600);
    pub(super) const BACKED_UP: Step = Do(
        "POST",
        "/v1/bdbs",
        r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","backup":true,"backup_interval":3600,"backup_interval_offset":1800,"backup_location":{"type":"mount_point","path":"/backup"}}"#,
    );
    pub(super) const BACKED_UP_NOWHERE: Step = Do(
        "POST",
        "/v1/bdbs",
        r#"{"name":"db","memory_size":268435456,"redis_version":"7.2","backup":true,"backup_interval":3600,"backup_interval_offset":1800,"backup_location":{"type":"s3","bucket_name":"b"}}"#,
    );
    pub(super) const FAILING: Step =
        Step::Fault(r#"{"path":"*/actions/*","effect":{"task_failed":"internal_error"}}"#);
    pub(super) const EXPORT: Step = Do(
        "POST",
        "/v1/bdbs/1/actions/export",
        r#"{"export_location":{"type":"mount_point","path":"/backup"}}"#,
    );
    pub(super) const IMPORT: Step = Do(
        "POST",
        "/v1/bdbs/1/actions/import",
        r#"{"dataset_import_sources":[{"type":"url","url":"https://example.com/dump.rdb"}]}"#,
    );
    pub(super) const REMOVE: Step = Do("POST", "/v1/nodes/3/actions/remove", "{}");
    pub(super) const STOP_REMOVING: Step = Do("DELETE", "/v1/nodes/3/actions/remove", "");

    /// The event is in the log after these steps.
    pub(super) fn assert_told(told: Told, steps: &[Step]) {
        let mut sim = after(steps);
        let events = sim.admin(0, "GET", "/v1/logs", Value::Null).json;
        let events = events.as_array().unwrap();
        let found = events.iter().find(|event| event["type"] == told.name());
        let severity = found.map(|event| &event["severity"]);
        assert_eq!(severity, Some(&json!(told.severity())), "{events:?}");
    }

    #[test]
    fn settings_that_are_objects_of_their_own_are_settings_of_the_cluster() {
        let body = r#"{"key_distribution_enabled":true}"#;
        assert_told(Told::ClusterUpdated, &[Do("PUT", "/v1/metrics_config", body)]);
    }

    #[test]
    fn what_changes_nothing_is_not_told() {
        let mut sim = after(&[
            DB,
            MINUTE,
            Do("PUT", "/v1/bdbs/1", r#"{"memory_size":268435456}"#),
            Do("PUT", "/v1/bdbs/1?dry_run", r#"{"memory_size":536870912}"#),
            Do("PUT", "/v1/cluster", r#"{"email_alerts":false}"#),
            Do("PUT", "/v1/cluster?dry_run", r#"{"email_alerts":true}"#),
            Do("PUT", "/v1/users/1?dry_run", r#"{"name":"other"}"#),
        ]);
        let events = sim.admin(0, "GET", "/v1/logs", Value::Null).json;
        let last = events.as_array().unwrap().last();
        assert_eq!(last.unwrap()["type"], Told::BdbCreated.name());
    }
}
