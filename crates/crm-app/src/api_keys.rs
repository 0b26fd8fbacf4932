//! Personal API keys: made, listed and ended by their user at a session, and by no key.

use crm_domain::{ApiKey, ApiKeyDraft, ApiKeyId, access::Actor};
use crm_persistence::api_keys;
use secrecy::SecretString;

use crate::{App, Error, Input, SignedIn, sessions::Credential, token::TokenKind};

/// The use cases of API keys.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    pub(crate) app: App,
}

/// A new key with its secret, told this once.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// Its secret, for `Authorization: Bearer`.
    pub secret: SecretString,
}

impl ApiKeys {
    /// Makes a key for the caller, with a part of what the caller may do.
    pub async fn create(&self, caller: &SignedIn, input: impl Into<Input<ApiKeyDraft>>) -> Result<NewApiKey, Error> {
        caller.session()?;
        let (app, actor, input) = (self.app.clone(), caller.actor.clone(), input.into());
        let (user, role) = (caller.user.id, caller.actor.role().clone());
        let (secret, hash) = TokenKind::ApiKey.issue()?;
        let key = self
            .app
            .write(&actor, move |tx| {
                let key = input.get()?.make(app.new_id(), user, &role, tx.at())?;
                api_keys::insert(tx, &key, &hash)?;
                // Like a session it is part of signing in, and no record that others see the changes of.
                Ok(tx.unchanged(key))
            })
            .await?;
        Ok(NewApiKey { key, secret })
    }

    /// The caller's keys, the newest first.
    pub async fn list(&self, caller: &SignedIn) -> Result<Vec<ApiKey>, Error> {
        caller.session()?;
        let user = caller.user.id;
        self.app.read(move |tx| Ok(api_keys::list_of(tx, user)?)).await
    }

    /// Ends one of the caller's keys at once; another user's is not there.
    pub async fn end(&self, caller: &SignedIn, key: ApiKeyId) -> Result<(), Error> {
        caller.session()?;
        let user = caller.user.id;
        self.app
            .write(&caller.actor, move |tx| {
                api_keys::end_of(tx, user, key)?;
                Ok(tx.unchanged(()))
            })
            .await
    }

    /// Whose secret it is; what it may do is looked up with each request, as everything that decides about it.
    pub(crate) async fn actor(&self, secret: &SecretString) -> Result<SignedIn, Error> {
        let hash = TokenKind::ApiKey.hash_of(secret).ok_or(Error::Unauthenticated)?;
        let now = self.app.now();
        let found = self.app.read(move |tx| Ok(api_keys::actor_by_secret_hash(tx, &hash, now)?)).await?;
        let (key, user, role, standing) = found.ok_or(Error::Unauthenticated)?;
        if key.last_used_at.is_none_or(|last| last.plus(api_keys::USE_NOTED_EVERY) <= now) {
            self.note_use(key.id).await;
        }
        let second_factor = self.app.standing(&role, standing);
        let actor = Actor::user(user.id, user.stamps.team_id, role.limited_to(&key.rules));
        Ok(SignedIn { credential: Credential::ApiKey(key.id), user, actor, second_factor })
    }

    async fn note_use(&self, key: ApiKeyId) {
        let actor = Actor::system("use of an API key");
        let noted = self.app.write(&actor, move |tx| {
            api_keys::used(tx, key)?;
            Ok(tx.unchanged(()))
        });
        // A request is not refused because the note of it could not be written; the next one is noted instead.
        let _noted_next_time = noted.await;
    }
}
