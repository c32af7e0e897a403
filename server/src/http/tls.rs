//! TLS for the listener: a certificate and its key from files, read again when they change. Connections that are open
//! go on as they began; new ones get the new certificate. It knows no HTTP, but for the name that is agreed on.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};
use tokio_util::sync::CancellationToken;

use crate::watched::Watched;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate in PEM, and after it those that vouch for it.
    pub cert: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// Why a certificate is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCertificate(String);

impl fmt::Display for BadCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadCertificate {}

impl TlsFiles {
    /// Reads both, and sees that they belong together.
    ///
    /// # Errors
    /// [`BadCertificate`] names the option, the file, and what is wrong with it.
    pub fn check(&self) -> Result<(), BadCertificate> {
        self.load().map(drop)
    }

    fn load(&self) -> Result<CertifiedKey, BadCertificate> {
        let wrong = |option: &str, path: &Path, error: pem::Error| {
            let why = match error {
                pem::Error::NoItemsFound => "there is nothing of the kind in it, in PEM".to_owned(),
                pem::Error::Io(error) => error.to_string(),
                // Its words may repeat what stands in the file.
                _ => "it is no well-formed PEM".to_owned(),
            };
            BadCertificate(format!("{option}: {}: {why}", path.display()))
        };
        let in_cert = |error| wrong("tls-cert", &self.cert, error);
        let chain = CertificateDer::pem_file_iter(&self.cert).map_err(in_cert)?;
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(in_cert)?;
        if chain.is_empty() {
            return Err(in_cert(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| wrong("tls-key", &self.key, e))?;
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| {
            let why = match error {
                rustls::Error::InconsistentKeys(_) => "the key is of another certificate".to_owned(),
                rustls::Error::InvalidCertificate(_) => "the certificate is malformed".to_owned(),
                other => other.to_string(),
            };
            BadCertificate(format!(
                "tls-cert {} and tls-key {}: {why}",
                self.cert.display(),
                self.key.display()
            ))
        })
    }
}

/// The certificate of this moment.
pub struct Certificate(Arc<Watched<CertifiedKey, BadCertificate>>);

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

impl Certificate {
    /// Reads it.
    ///
    /// # Errors
    /// [`BadCertificate`].
    pub fn load(files: TlsFiles) -> Result<Self, BadCertificate> {
        let paths = vec![files.cert.clone(), files.key.clone()];
        Ok(Self(Arc::new(Watched::load(paths, move || files.load())?)))
    }

    /// Greets clients with it, whatever it is at the time.
    ///
    /// # Errors
    /// None that is known: it says so if the TLS library knows no version of the protocol.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
        // WebSocket begins as HTTP/1.1, and so it is all that the listener speaks.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again if one has changed, as [`Watched::reload`] does.
    ///
    /// # Errors
    /// [`BadCertificate`], once for each change; the certificate that was there stays in use.
    pub fn reload(&self) -> Result<bool, BadCertificate> {
        self.0.reload()
    }

    /// Looks after the files until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let tell = |key: Result<Arc<CertifiedKey>, BadCertificate>| match key {
            Ok(_) => tracing::info!("the certificate has changed"),
            Err(error) => tracing::warn!(%error, "the certificate stays as it was"),
        };
        Arc::clone(&self.0).watch(stop, tell).await;
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current())
    }
}
