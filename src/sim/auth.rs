//! Who may do what: users, passwords, tokens, roles, lock-out.

use super::ids::UserUid;

/// Management roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Admin,
    ClusterMember,
    ClusterViewer,
    DbMember,
    DbViewer,
    UserManager,
    None,
}

/// Who sent a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Actor {
    Anonymous,
    User { uid: UserUid, role: Role },
}

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// No credentials needed.
    Open,
    /// Any user.
    AnyUser,
    /// Everything that every role but `none` may see.
    View,
    /// `view_logged_events`: all but `db_viewer`... as the matrix says.
    ViewLogs,
    /// `view_debugging_info`
    ViewDebug,
    /// Create, change and delete databases, fail over and migrate shards.
    WriteDatabases,
    /// `update_cluster`, `update_node`, actions, certificates.
    Administrate,
    /// `install_new_license`, `update_proxy`
    InstallLicense,
    /// Change users, roles, ACLs, LDAP mappings; see users.
    ManageUsers,
}

/// Users of a cluster, and their failed logins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {}
