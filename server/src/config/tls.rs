//! The options about TLS. It knows no listener.

use std::path::PathBuf;

use super::ConfigError;
use crate::http::tls::TlsFiles;

/// The files of the certificate, which are read here once: a server that could not greet anybody does not start.
pub(super) fn files(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, ConfigError> {
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => {
            let files = TlsFiles { cert, key };
            files.check().map_err(|error| ConfigError(error.to_string()))?;
            Ok(Some(files))
        }
        (Some(_), None) => Err(ConfigError("tls-cert is given, and tls-key is missing".to_owned())),
        (None, Some(_)) => Err(ConfigError("tls-key is given, and tls-cert is missing".to_owned())),
    }
}
