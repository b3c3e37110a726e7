//! Service accounts: keys that are exchanged for tokens, and tokens that end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::errors::{Answer, Refusal};

/// Where keys are exchanged, below the origin and not below the base URL.
pub(crate) const PATH: &str = "/api/v1/serviceToken/exchange";

/// Keys of service accounts begin so, and nothing else does.
const KEY: &str = "sak-";

const LONGEST_TTL: u64 = 43_200;

/// The tokens that were issued.
#[derive(Default)]
pub(crate) struct Tokens(HashMap<String, Issued>);

struct Issued {
    key: String,
    scope: String,
    ends: Instant,
    revoked: bool,
}

impl Tokens {
    /// Whose account a bearer token opens: that of the key, for a token that was issued for one,
    /// and else the token's own.
    pub(crate) fn account<'a>(&'a self, bearer: &'a str) -> Result<&'a str, Refusal> {
        if bearer.starts_with(KEY) {
            return Err(Refusal::unauthorized());
        }
        let Some(issued) = self.0.get(bearer) else {
            return Ok(bearer);
        };
        if issued.revoked || Instant::now() >= issued.ends {
            return Err(Refusal::unauthorized());
        }
        if !issued.scope.split(' ').any(|scope| scope == "qca.access") {
            return Err(Refusal::of_status(403));
        }
        Ok(&issued.key)
    }

    pub(crate) fn revoke(&mut self) {
        for issued in self.0.values_mut() {
            issued.revoked = true;
        }
    }

    pub(crate) fn issued(&self) -> usize {
        self.0.len()
    }

    /// Exchanges a key for a token. `longest` is what the server gives at most.
    pub(crate) fn exchange(
        &mut self,
        bearer: Option<&str>,
        body: &[u8],
        longest: Option<Duration>,
    ) -> Answer {
        let key = bearer
            .filter(|bearer| bearer.len() > KEY.len() && bearer.starts_with(KEY))
            .ok_or_else(Refusal::unauthorized)?;
        let body: Value = serde_json::from_slice(body)
            .map_err(|_| Refusal::invalid("", "Request body must be valid JSON."))?;
        for (field, only) in [("grant_type", "client_credentials"), ("audience", "qoder")] {
            if body[field] != only {
                return Err(Refusal::invalid(field, format!("Must be {only}.")));
            }
        }
        let scope = body["scope"].as_str().unwrap_or_default();
        let known = |scope: &str| matches!(scope, "qca.access" | "forward.access");
        if !scope.split(' ').all(known) {
            return Err(Refusal::invalid("scope", "Unknown scope."));
        }
        let ttl = body["ttl_seconds"]
            .as_u64()
            .filter(|ttl| (1..=LONGEST_TTL).contains(ttl))
            .ok_or_else(|| Refusal::invalid("ttl_seconds", "Must be from 1 to 43200."))?;
        let ttl = longest.map_or(ttl, |longest| ttl.min(longest.as_secs().max(1)));
        let lasts = Duration::from_secs(ttl);
        let token = format!("sat-{}", uuid::Uuid::new_v4().simple());
        self.0.insert(
            token.clone(),
            Issued {
                key: key.to_owned(),
                scope: scope.to_owned(),
                ends: Instant::now() + lasts,
                revoked: false,
            },
        );
        let ends = jiff::Timestamp::now()
            .checked_add(lasts)
            .map(|at| at.to_string());
        Ok(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": ttl,
            "expires_at": ends.ok(),
            "scope": scope,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut body = json!({
            "grant_type": "client_credentials", "audience": "qoder",
            "scope": "qca.access forward.access", "ttl_seconds": 900,
        });
        change(&mut body);
        body.to_string().into_bytes()
    }

    #[test]
    fn a_key_is_exchanged_for_tokens_of_one_account() {
        let mut tokens = Tokens::default();
        let mut exchange = |longest| {
            let answer = tokens.exchange(Some("sak-1"), &asked(|_| {}), longest);
            answer.expect("a token")
        };
        let first = exchange(None);
        let second = exchange(Some(Duration::from_secs(60)));
        assert_eq!(
            (&first["expires_in"], &second["expires_in"]),
            (&json!(900), &json!(60))
        );
        let token = |answer: &Value| answer["access_token"].as_str().expect("text").to_owned();
        assert_ne!(token(&first), token(&second));
        assert_eq!(tokens.account(&token(&first)).ok(), Some("sak-1"));
        assert_eq!(tokens.account(&token(&second)).ok(), Some("sak-1"));
        assert_eq!(tokens.account("pt-any").ok(), Some("pt-any"));
        assert_eq!(tokens.account("sak-1").expect_err("a key").status, 401);
        tokens.revoke();
        assert_eq!(
            tokens.account(&token(&first)).expect_err("revoked").status,
            401
        );
    }

    #[test]
    fn what_is_asked_for_is_checked() {
        let cases: [(Option<&str>, Vec<u8>, u16); 9] = [
            (None, asked(|_| {}), 401),
            (Some("pt-1"), asked(|_| {}), 401),
            (Some("sak-"), asked(|_| {}), 401),
            (Some("sak-1"), b"{".to_vec(), 400),
            (
                Some("sak-1"),
                asked(|body| body["grant_type"] = json!("password")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body["audience"] = json!("other")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body["scope"] = json!("qca.access all")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body["ttl_seconds"] = json!("900")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body["ttl_seconds"] = json!(43_201)),
                400,
            ),
        ];
        for (bearer, body, status) in cases {
            let refused = Tokens::default().exchange(bearer, &body, None);
            let text = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(
                refused.expect_err("refused").status,
                status,
                "{bearer:?} {text}"
            );
        }
        let mut tokens = Tokens::default();
        let forward = asked(|body| body["scope"] = json!("forward.access"));
        let answer = tokens
            .exchange(Some("sak-1"), &forward, None)
            .expect("a token");
        let token = answer["access_token"].as_str().expect("text");
        assert_eq!(tokens.account(token).expect_err("another API").status, 403);
    }
}
