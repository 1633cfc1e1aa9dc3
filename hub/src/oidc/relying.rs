//! What is said to a provider and what is believed of its answers.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::Tenant;
use moka::future::Cache;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IdToken, IdTokenFields, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Provider;
use crate::error::Error;
use crate::outgoing::{Outgoing, OutgoingError};
use crate::passwords::Secret;
use crate::telemetry;

/// How long what a provider says of itself, with its keys, is believed without asking again.
const METADATA_LASTS: Duration = Duration::from_secs(3600);
/// Providers whose words are remembered.
const METADATA_MAX: u64 = 1000;

/// Claims beside the standard ones.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Others {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}

impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type SignedToken = IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Relying = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider with its secret.
pub(crate) struct Open {
    pub(crate) tenant: Tenant,
    pub(crate) name: String,
    /// Of its record: what was remembered of another version is not asked.
    pub(crate) version: u64,
    pub(crate) provider: Provider,
    pub(crate) secret: Option<Secret>,
}

/// Who somebody is, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) subject: String,
    pub(crate) email: Option<String>,
    pub(crate) is_email_verified: bool,
    pub(crate) name: Option<String>,
    /// `None` when the provider does not decide about groups.
    pub(crate) groups: Option<Vec<String>>,
}

/// Speaks with providers.
#[derive(Debug)]
pub(crate) struct Oidc {
    outgoing: Outgoing,
    metadata: Cache<(Tenant, String, u64), Arc<CoreProviderMetadata>>,
}

impl Oidc {
    pub(crate) fn new(outgoing: Outgoing) -> Self {
        let metadata = Cache::builder().max_capacity(METADATA_MAX).time_to_live(METADATA_LASTS).build();
        Self { outgoing, metadata }
    }

    /// The address a browser is sent to.
    pub(crate) async fn authorize(
        &self,
        open: &Open,
        redirect: &str,
        state: &str,
        nonce: Nonce,
        challenge: PkceCodeChallenge,
    ) -> Result<String, Error> {
        let client = relying(open, redirect, &*self.metadata(open).await?)?;
        let state = CsrfToken::new(state.to_owned());
        let scopes = open.provider.scopes.iter().map(|scope| Scope::new(scope.clone()));
        let request = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce);
        let (url, _, _) = request.add_scopes(scopes).set_pkce_challenge(challenge).url();
        Ok(url.into())
    }

    /// Exchanges the code for what the provider says of the one who brings it.
    pub(crate) async fn identity(
        &self,
        open: &Open,
        redirect: &str,
        code: &str,
        verifier: String,
        nonce: Nonce,
    ) -> Result<Identity, Error> {
        let client = relying(open, redirect, &*self.metadata(open).await?)?;
        let exchange = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|cause| failed(open, "it has no token endpoint", &cause))?;
        let answer = exchange.set_pkce_verifier(PkceCodeVerifier::new(verifier)).request_async(&self.outgoing).await;
        let answer = answer.map_err(|cause| failed(open, "it does not take the code", &cause))?;
        let token = answer.id_token().ok_or_else(|| refused(open, "it sends no identity"))?;
        match believe(open, &client, token, &nonce) {
            // It may have changed its keys since.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                self.metadata.invalidate(&key(open)).await;
                let client = relying(open, redirect, &*self.metadata(open).await?)?;
                believe(open, &client, token, &nonce)
            }
            believed => believed,
        }
        .map_err(|cause| failed(open, "its word is not believed", &cause))
    }

    async fn metadata(&self, open: &Open) -> Result<Arc<CoreProviderMetadata>, Error> {
        let discover = async {
            let issuer = IssuerUrl::new(open.provider.issuer.clone())
                .map_err(|cause| failed(open, "its issuer is no address", &cause))?;
            let metadata = CoreProviderMetadata::discover_async(issuer, &self.outgoing).await;
            metadata.map(Arc::new).map_err(|cause| failed(open, "it does not describe itself", &cause))
        };
        self.metadata.try_get_with(key(open), discover).await.map_err(|cause| refused(open, reason(&cause)))
    }
}

impl<'c> AsyncHttpClient<'c> for Outgoing {
    type Error = OutgoingError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutgoingError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { Ok(self.send(request.map(Bytes::from)).await?.map(|body| body.to_vec())) })
    }
}

fn key(open: &Open) -> (Tenant, String, u64) {
    (open.tenant.clone(), open.name.clone(), open.version)
}

fn relying(open: &Open, redirect: &str, metadata: &CoreProviderMetadata) -> Result<Relying, Error> {
    let secret = open.secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned()));
    let redirect =
        RedirectUrl::new(redirect.to_owned()).map_err(|cause| failed(open, "hub.public_url is no address", &cause))?;
    let client =
        Relying::from_provider_metadata(metadata.clone(), ClientId::new(open.provider.client_id.clone()), secret);
    Ok(client.set_redirect_uri(redirect))
}

/// Checks signature, issuer, audience, time and nonce.
fn believe(
    open: &Open,
    client: &Relying,
    token: &SignedToken,
    nonce: &Nonce,
) -> Result<Identity, ClaimsVerificationError> {
    let claims = token.claims(&client.id_token_verifier(), nonce)?;
    let groups = open.provider.groups_claim.as_ref().map(|claim| match claims.additional_claims().all.get(claim) {
        Some(Value::Array(groups)) => groups.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect(),
        Some(Value::String(group)) => vec![group.clone()],
        _ => Vec::new(),
    });
    Ok(Identity {
        subject: claims.subject().to_string(),
        email: claims.email().map(|email| email.to_string()),
        is_email_verified: claims.email_verified().unwrap_or(false),
        name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
        groups,
    })
}

/// The whole cause is for the log.
fn failed(open: &Open, what: &str, cause: &dyn std::error::Error) -> Error {
    telemetry::provider_failed(&open.tenant, &open.name, cause);
    refused(open, what)
}

fn refused(open: &Open, reason: &str) -> Error {
    Error::Provider { name: open.name.clone(), reason: reason.to_owned() }
}

/// Why the description could not be had, which whoever waited for it is told, too.
fn reason(cause: &Error) -> &str {
    match cause {
        Error::Provider { reason, .. } => reason,
        _ => "it does not describe itself",
    }
}
