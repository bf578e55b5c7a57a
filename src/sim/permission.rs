//! The documented matrix of permissions: which management role may do what, in which version.

use super::auth::Role;
use super::switch::{Switch, Switches};
use super::version::Profile;

/// A named permission of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) permission: Permission,
    /// As the documentation writes it: `view_bdb_info`.
    pub(crate) name: &'static str,
    pub(crate) roles: &'static [Role],
    /// The first version that has it.
    pub(crate) since: Profile,
}

/// A permission that two lists give to different roles: with the switch, the second list holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doubt {
    pub(crate) permission: Permission,
    pub(crate) switch: Switch,
    pub(crate) roles: &'static [Role],
}

use Role::{Admin, ClusterMember, ClusterViewer, DbMember, DbViewer, UserManager};

const VIEWERS: &[Role] = &[
    Admin,
    ClusterMember,
    ClusterViewer,
    DbMember,
    DbViewer,
    UserManager,
];
const WRITERS: &[Role] = &[Admin, ClusterMember, DbMember];
const ADMIN: &[Role] = &[Admin];
const MANAGERS: &[Role] = &[Admin, UserManager];
const KEEPERS: &[Role] = &[Admin, ClusterMember, DbMember, UserManager];
const KEY_KEEPERS: &[Role] = &[Admin, ClusterMember, UserManager];
const LOG_READERS: &[Role] = &[Admin, ClusterMember, ClusterViewer, DbMember, UserManager];
const METRICS_READERS: &[Role] = &[Admin, ClusterMember, ClusterViewer];

macro_rules! permissions {
    ($($permission:ident $name:literal $roles:ident $since:ident;)*) => {
        /// What a route asks of its caller.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Permission {
            /// A user whose role is not `none`.
            AnyUser,
            $(#[doc = concat!("`", $name, "`")] $permission,)*
        }

        /// Every named permission, in the order of names.
        pub(crate) const PERMISSIONS: &[Row] = &[$(Row {
            permission: Permission::$permission,
            name: $name,
            roles: $roles,
            since: Profile::$since,
        }),*];
    };
}

permissions! {
    AddClusterModule "add_cluster_module" ADMIN V7_4_6;
    CancelClusterAction "cancel_cluster_action" ADMIN V7_4_6;
    CancelNodeAction "cancel_node_action" ADMIN V7_4_6;
    ConfigLdap "config_ldap" MANAGERS V7_4_6;
    ConfigOcsp "config_ocsp" ADMIN V7_4_6;
    ConfigSso "config_sso" MANAGERS V8_0_20;
    CreateBdb "create_bdb" WRITERS V7_4_6;
    CreateCrdb "create_crdb" WRITERS V7_4_6;
    CreateLdapMapping "create_ldap_mapping" MANAGERS V7_4_6;
    CreateNewUser "create_new_user" MANAGERS V7_4_6;
    CreateRedisAcl "create_redis_acl" MANAGERS V7_4_6;
    CreateRole "create_role" MANAGERS V7_4_6;
    DeleteBdb "delete_bdb" WRITERS V7_4_6;
    DeleteClusterModule "delete_cluster_module" ADMIN V7_4_6;
    DeleteCrdb "delete_crdb" WRITERS V7_4_6;
    DeleteLdapMapping "delete_ldap_mapping" MANAGERS V7_4_6;
    DeleteRedisAcl "delete_redis_acl" MANAGERS V7_4_6;
    DeleteRole "delete_role" MANAGERS V7_4_6;
    DeleteUser "delete_user" MANAGERS V7_4_6;
    EditBdbModule "edit_bdb_module" WRITERS V7_4_6;
    FailoverShard "failover_shard" WRITERS V7_8_6;
    FlushCrdb "flush_crdb" WRITERS V7_4_6;
    InstallNewLicense "install_new_license" MANAGERS V7_4_6;
    ManageClusterModules "manage_cluster_modules" ADMIN V8_0_20;
    MigrateShard "migrate_shard" WRITERS V7_4_6;
    PurgeInstance "purge_instance" WRITERS V7_4_6;
    ResetBdbCurrentBackupStatus "reset_bdb_current_backup_status" WRITERS V7_4_6;
    ResetBdbCurrentExportStatus "reset_bdb_current_export_status" WRITERS V7_4_6;
    ResetBdbCurrentImportStatus "reset_bdb_current_import_status" WRITERS V7_4_6;
    StartBdbExport "start_bdb_export" WRITERS V7_4_6;
    StartBdbImport "start_bdb_import" WRITERS V7_4_6;
    StartBdbRecovery "start_bdb_recovery" WRITERS V7_4_6;
    StartClusterAction "start_cluster_action" ADMIN V7_4_6;
    StartNodeAction "start_node_action" ADMIN V7_4_6;
    TestOcspStatus "test_ocsp_status" ADMIN V7_4_6;
    UpdateBdb "update_bdb" WRITERS V7_4_6;
    UpdateBdbAlerts "update_bdb_alerts" WRITERS V7_4_6;
    UpdateBdbWithAction "update_bdb_with_action" WRITERS V7_4_6;
    UpdateCluster "update_cluster" ADMIN V7_4_6;
    UpdateCrdb "update_crdb" WRITERS V7_4_6;
    UpdateLdapMapping "update_ldap_mapping" MANAGERS V7_4_6;
    UpdateNode "update_node" ADMIN V7_4_6;
    UpdateProxy "update_proxy" MANAGERS V7_4_6;
    UpdateRedisAcl "update_redis_acl" MANAGERS V7_4_6;
    UpdateRole "update_role" MANAGERS V7_4_6;
    UpdateUser "update_user" MANAGERS V7_4_6;
    UpgradeCrdb "upgrade_crdb" WRITERS V8_0_20;
    ViewAllBdbStats "view_all_bdb_stats" VIEWERS V7_4_6;
    ViewAllBdbsAlerts "view_all_bdbs_alerts" VIEWERS V7_4_6;
    ViewAllBdbsInfo "view_all_bdbs_info" VIEWERS V7_4_6;
    ViewAllLdapMappingsInfo "view_all_ldap_mappings_info" MANAGERS V7_4_6;
    ViewAllMetrics "view_all_metrics" METRICS_READERS V8_0_20;
    ViewAllNodesAlerts "view_all_nodes_alerts" VIEWERS V7_4_6;
    ViewAllNodesChecks "view_all_nodes_checks" VIEWERS V7_4_6;
    ViewAllNodesInfo "view_all_nodes_info" VIEWERS V7_4_6;
    ViewAllNodesStats "view_all_nodes_stats" VIEWERS V7_4_6;
    ViewAllProxiesInfo "view_all_proxies_info" VIEWERS V7_4_6;
    ViewAllRedisAclsInfo "view_all_redis_acls_info" VIEWERS V7_4_6;
    ViewAllRolesInfo "view_all_roles_info" VIEWERS V7_4_6;
    ViewAllShardStats "view_all_shard_stats" VIEWERS V7_4_6;
    ViewAllUsersInfo "view_all_users_info" MANAGERS V7_4_6;
    ViewBdbAlerts "view_bdb_alerts" VIEWERS V7_4_6;
    ViewBdbInfo "view_bdb_info" VIEWERS V7_4_6;
    ViewBdbRecoveryPlan "view_bdb_recovery_plan" VIEWERS V7_4_6;
    ViewBdbStats "view_bdb_stats" VIEWERS V7_4_6;
    ViewClusterAlerts "view_cluster_alerts" VIEWERS V7_4_6;
    ViewClusterInfo "view_cluster_info" VIEWERS V7_4_6;
    ViewClusterKeys "view_cluster_keys" KEY_KEEPERS V7_4_6;
    ViewClusterModules "view_cluster_modules" VIEWERS V7_4_6;
    ViewClusterStats "view_cluster_stats" VIEWERS V7_4_6;
    ViewCrdb "view_crdb" VIEWERS V7_4_6;
    ViewCrdbList "view_crdb_list" VIEWERS V7_4_6;
    ViewCrdbTask "view_crdb_task" VIEWERS V7_4_6;
    ViewCrdbTaskList "view_crdb_task_list" VIEWERS V7_4_6;
    ViewDebuggingInfo "view_debugging_info" KEEPERS V7_4_6;
    ViewEndpointStats "view_endpoint_stats" VIEWERS V7_4_6;
    ViewLdapConfig "view_ldap_config" MANAGERS V7_4_6;
    ViewLdapMappingInfo "view_ldap_mapping_info" MANAGERS V7_4_6;
    ViewLicense "view_license" VIEWERS V7_4_6;
    ViewLoggedEvents "view_logged_events" LOG_READERS V7_4_6;
    ViewNodeAlerts "view_node_alerts" VIEWERS V7_4_6;
    ViewNodeCheck "view_node_check" VIEWERS V7_4_6;
    ViewNodeInfo "view_node_info" VIEWERS V7_4_6;
    ViewNodeStats "view_node_stats" VIEWERS V7_4_6;
    ViewOcspConfig "view_ocsp_config" ADMIN V7_4_6;
    ViewOcspStatus "view_ocsp_status" ADMIN V7_4_6;
    ViewProxyInfo "view_proxy_info" VIEWERS V7_4_6;
    ViewRedisAclInfo "view_redis_acl_info" VIEWERS V7_4_6;
    ViewRedisPass "view_redis_pass" KEEPERS V7_4_6;
    ViewRoleInfo "view_role_info" VIEWERS V7_4_6;
    ViewShardStats "view_shard_stats" VIEWERS V7_4_6;
    ViewSso "view_sso" MANAGERS V8_0_20;
    ViewStatusOfAllNodeActions "view_status_of_all_node_actions" VIEWERS V7_4_6;
    ViewStatusOfClusterAction "view_status_of_cluster_action" VIEWERS V7_4_6;
    ViewStatusOfNodeAction "view_status_of_node_action" VIEWERS V7_4_6;
    ViewUserInfo "view_user_info" MANAGERS V7_4_6;
}

/// Where the lists differ. The table has what the list of roles for each permission says, and what the page of the call says
/// where that page names roles.
pub(crate) const DOUBTS: &[Doubt] = &[
    Doubt {
        permission: Permission::ViewSso,
        switch: Switch::SsoViewForAll,
        roles: VIEWERS,
    },
    Doubt {
        permission: Permission::ConfigSso,
        switch: Switch::SsoConfigAdminOnly,
        roles: ADMIN,
    },
    Doubt {
        permission: Permission::ViewBdbRecoveryPlan,
        switch: Switch::PermissionsByRole,
        roles: &[Admin, ClusterMember, ClusterViewer, DbMember, DbViewer],
    },
    Doubt {
        permission: Permission::ViewDebuggingInfo,
        switch: Switch::PermissionsByRole,
        roles: WRITERS,
    },
];

impl Permission {
    /// Its row; none for [`Permission::AnyUser`].
    fn row(self) -> Option<&'static Row> {
        PERMISSIONS.iter().find(|row| row.permission == self)
    }

    /// As the documentation writes it; empty for [`Permission::AnyUser`].
    pub(crate) fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// Whether `role` has it in `profile`.
    pub(crate) fn allows(self, role: Role, profile: Profile, switches: &Switches) -> bool {
        if role == Role::None || !role.is_of(profile) {
            return false;
        }
        let Some(row) = self.row() else {
            return true;
        };
        let doubt = DOUBTS
            .iter()
            .find(|doubt| doubt.permission == self && switches.on(doubt.switch));
        profile >= row.since && doubt.map_or(row.roles, |doubt| doubt.roles).contains(&role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::auth::ROLES;
    use crate::sim::fixture::Fixture;
    use crate::sim::form::Formation;
    use crate::sim::route::TABLES;
    use serde_json::{Value, json};

    /// How many permissions a role has.
    fn held(role: Role, profile: Profile, switches: &Switches) -> usize {
        let rows = PERMISSIONS.iter();
        rows.filter(|row| row.permission.allows(role, profile, switches))
            .count()
    }

    #[test]
    fn names_are_in_order_and_each_stands_once() {
        assert!(PERMISSIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn each_role_has_as_many_permissions_as_its_list_says() {
        let documented = Switches::all_default()
            .with(Switch::PermissionsByRole)
            .with(Switch::SsoViewForAll)
            .with(Switch::SsoConfigAdminOnly);
        for (profile, want) in [
            (Profile::V7_4_6, [90, 58, 37, 57, 36, 0, 0]),
            (Profile::V7_8_6, [91, 59, 37, 58, 36, 0, 58]),
            (Profile::V7_22_2, [91, 59, 37, 58, 36, 0, 58]),
            (Profile::V8_0_20, [96, 62, 39, 60, 37, 0, 59]),
            (Profile::V8_2_0, [96, 62, 39, 60, 37, 0, 59]),
        ] {
            let got: Vec<usize> = ROLES
                .iter()
                .map(|(role, ..)| held(*role, profile, &documented))
                .collect();
            assert_eq!(got, want, "{profile}");
        }
    }

    #[test]
    fn a_doubt_changes_what_its_permission_says_and_nothing_else() {
        for doubt in DOUBTS {
            let switched = Switches::all_default().with(doubt.switch);
            for row in PERMISSIONS {
                let differs = ROLES.iter().any(|(role, ..)| {
                    let latest = Profile::default();
                    row.permission.allows(*role, latest, &switched)
                        != row.permission.allows(*role, latest, &Switches::all_default())
                });
                let doubted = DOUBTS
                    .iter()
                    .any(|other| other.switch == doubt.switch && other.permission == row.permission);
                assert_eq!(differs, doubted, "{}", row.name);
            }
        }
    }

    /// A user of this role, as email and password.
    fn user(sim: &mut Fixture, role: &str) -> (String, String) {
        sim.user(&format!("the-{role}@example.com"), role);
        (format!("the-{role}@example.com"), format!("the-{role}-pass"))
    }

    /// Sends every call of every profile as each role, with these switches, and compares the refusals with the table.
    fn walk(switches: &Switches) {
        for profile in Profile::ALL {
            let mut sim = Fixture::with(1, profile, switches.clone());
            sim.world
                .form(&Formation {
                    members: 1,
                    ..Formation::new("c.example.com", "admin@example.com", "secret")
                })
                .unwrap();
            if profile == Profile::V8_2_0 {
                sim.admin(0, "PUT", "/v1/cluster", json!({"allow_modules_upload": true}));
            }
            let roles = ROLES.iter().filter(|(role, ..)| role.is_of(profile));
            for (role, name, _) in roles {
                let (email, password) = user(&mut sim, name);
                for route in TABLES
                    .iter()
                    .copied()
                    .flatten()
                    .filter(|route| profile.within(route.since, route.until))
                {
                    let wanted = !route.allows(*role, profile, switches);
                    let path = of_nothing(route.path);
                    let got = sim.send(0, route.method, &path, Some((&email, &password)), json!({}));
                    let refused = got.status == 403 && got.code() == "unauthorized_action";
                    // Only a token can be refreshed.
                    let let_in = got.status != 0 && (got.status != 401 || path.ends_with("/refresh_jwt"));
                    assert!(
                        let_in && (got.status == 403) == refused,
                        "{name} {} {path} in {profile}: {got:?}",
                        route.method
                    );
                    assert_eq!(refused, wanted, "{name} {} {path} in {profile}", route.method);
                }
            }
        }
    }

    /// A path of the template that leads to nothing, so that a call which is allowed changes nothing.
    fn of_nothing(template: &str) -> String {
        let segments = template.split('/');
        let filled = segments.map(|segment| if segment.starts_with('{') { "999" } else { segment });
        filled.collect::<Vec<_>>().join("/")
    }

    #[test]
    fn a_call_is_403_exactly_when_the_table_says_so_for_every_role_and_profile() {
        walk(&Switches::all_default());
    }

    #[test]
    fn the_same_holds_on_the_other_side_of_every_doubt() {
        walk(&Switches::all_alternative());
    }

    #[test]
    fn passwords_of_databases_are_masked_for_roles_without_the_permission_to_see_them() {
        let mut sim = Fixture::cluster(1, 1);
        let body = json!({
            "name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "authentication_redis_pass": "open-sesame",
        });
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
        sim.pass(60);
        for (role, name, _) in ROLES.iter().filter(|(role, ..)| *role != Role::None) {
            let (email, password) = user(&mut sim, name);
            let seen = Permission::ViewRedisPass.allows(*role, Profile::default(), &Switches::all_default());
            for path in ["/v1/bdbs/1", "/v1/bdbs?fields=authentication_redis_pass"] {
                let got = sim
                    .send(0, "GET", path, Some((&email, &password)), Value::Null)
                    .json;
                let shown = got.get(0).unwrap_or(&got)["authentication_redis_pass"].clone();
                let wanted = if seen { "open-sesame" } else { "***" };
                assert_eq!(shown, wanted, "{name} {path}");
            }
        }
    }

    #[test]
    fn the_matrix_that_the_calls_answer_is_the_one_that_holds() {
        for profile in Profile::ALL {
            let mut sim = Fixture::cluster_of(profile, 1);
            let all = sim.admin(0, "GET", "/v1/users/permissions", Value::Null).json;
            assert_eq!(
                all.as_object().unwrap().len(),
                if profile == Profile::V7_4_6 { 6 } else { 7 }
            );
            for (role, name, _) in ROLES.iter().filter(|(role, ..)| role.is_of(profile)) {
                let held = all[name]["api_permissions"].as_array().unwrap();
                assert_eq!(
                    held.len(),
                    self::held(*role, profile, &Switches::all_default()),
                    "{name}"
                );
                let one = sim
                    .admin(0, "GET", &format!("/v1/users/permissions/{name}"), Value::Null)
                    .json;
                assert_eq!(one, json!({*name: all[name]}));
            }
            let unknown = sim
                .admin(0, "GET", "/v1/users/permissions/king", Value::Null)
                .status;
            assert_eq!(unknown, 404);
        }
    }

    #[test]
    fn an_account_may_be_read_by_its_user_on_one_side_of_a_doubt() {
        for (switches, status) in [
            (Switches::all_default(), 403),
            (Switches::all_default().with(Switch::OwnAccountReadable), 200),
        ] {
            let mut sim = Fixture::cluster_with(1, 1, switches);
            sim.user("viewer@example.com", "db_viewer");
            let viewer = Some(("viewer@example.com", "viewer-pass"));
            assert_eq!(
                sim.send(0, "GET", "/v1/users/2", viewer, Value::Null).status,
                status
            );
            assert_eq!(sim.send(0, "GET", "/v1/users/1", viewer, Value::Null).status, 403);
        }
    }
}
