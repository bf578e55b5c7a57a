//! `/v1/license`.

use crate::rest::call::Call;
use crate::rest::call::absent;
use crate::rest::error::Error;
use crate::rest::model::JsonMap;
use crate::rest::model::License;
use crate::rest::route;
use crate::rest::session::Session;
use serde_json::json;

impl Session {
    /// The licence in force; `None` when none is installed.
    pub async fn license(&self) -> Result<Option<License>, Error> {
        let answer = absent(self.send(&Call::new(&route::LICENSE, &[])).await)?;
        answer.map(|answer| answer.object()).transpose()
    }

    /// Installs a licence.
    pub async fn install_license(&self, text: &str) -> Result<(), Error> {
        let body = JsonMap::from_iter([("license".to_owned(), json!(text))]);
        self.send(&Call::new(&route::INSTALL_LICENSE, &[]).body(body))
            .await?
            .done()
    }
}
