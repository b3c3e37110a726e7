//! Tokens of service accounts: they are issued for a key, and end.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::later;
use crate::json::{Json, object};
use crate::refusal::Refusal;

/// Keys of service accounts begin so, and nothing else does.
const KEY: &str = "sak-";

const LONGEST_TTL: u64 = 43_200;

/// The tokens that were issued.
#[derive(Default)]
pub(crate) struct Tokens(HashMap<String, Issued>);

struct Issued {
    key: String,
    scope: String,
    ends: Timestamp,
    revoked: bool,
}

impl Tokens {
    /// Whose account a bearer token opens: that of the key, for a token that was issued for one,
    /// and else the token's own.
    pub(crate) fn account<'a>(
        &'a self,
        bearer: &'a str,
        now: Timestamp,
    ) -> Result<&'a str, Refusal> {
        if bearer.starts_with(KEY) {
            return Err(Refusal::unauthorized());
        }
        let Some(issued) = self.0.get(bearer) else {
            return Ok(bearer);
        };
        if issued.revoked || now >= issued.ends {
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
        now: Timestamp,
    ) -> Result<Json, Refusal> {
        let key = bearer
            .filter(|bearer| bearer.len() > KEY.len() && bearer.starts_with(KEY))
            .ok_or_else(Refusal::unauthorized)?;
        let body = Json::parse(body)
            .ok_or_else(|| Refusal::invalid("", "Request body must be valid JSON."))?;
        for (field, only) in [("grant_type", "client_credentials"), ("audience", "qoder")] {
            if body[field] != only {
                return Err(Refusal::invalid(field, format!("Must be {only}.")));
            }
        }
        let scope = body["scope"].text();
        let known = |scope: &str| matches!(scope, "qca.access" | "forward.access");
        if !scope.split(' ').all(known) {
            return Err(Refusal::invalid("scope", "Unknown scope."));
        }
        let ttl = body["ttl_seconds"]
            .as_u64()
            .filter(|ttl| (1..=LONGEST_TTL).contains(ttl))
            .ok_or_else(|| Refusal::invalid("ttl_seconds", "Must be from 1 to 43200."))?;
        let ttl = longest.map_or(ttl, |longest| ttl.min(longest.as_secs().max(1)));
        let ends = later(now, Duration::from_secs(ttl));
        let token = format!("sat-{}", uuid::Uuid::new_v4().simple());
        self.0.insert(
            token.clone(),
            Issued {
                key: key.to_owned(),
                scope: scope.to_owned(),
                ends,
                revoked: false,
            },
        );
        Ok(object! {
            "access_token": token, "token_type": "Bearer", "expires_in": ttl,
            "expires_at": ends.to_string(), "scope": scope,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn asked(change: impl FnOnce(&mut Json)) -> Vec<u8> {
        let mut body = object! {
            "grant_type": "client_credentials", "audience": "qoder",
            "scope": "qca.access forward.access", "ttl_seconds": 900,
        };
        change(&mut body);
        body.to_string().into_bytes()
    }

    #[test]
    fn a_key_is_exchanged_for_tokens_of_one_account() {
        let mut tokens = Tokens::default();
        let mut exchange = |longest| {
            let answer = tokens.exchange(Some("sak-1"), &asked(|_| {}), longest, NOW);
            answer.expect("a token")
        };
        let first = exchange(None);
        let second = exchange(Some(Duration::from_secs(60)));
        assert_eq!(
            (&first["expires_in"], &second["expires_in"]),
            (&Json::from(900), &Json::from(60))
        );
        let token = |answer: &Json| answer["access_token"].text().to_owned();
        assert_ne!(token(&first), token(&second));
        assert_eq!(tokens.account(&token(&first), NOW).ok(), Some("sak-1"));
        assert_eq!(tokens.account(&token(&second), NOW).ok(), Some("sak-1"));
        assert_eq!(tokens.account("pt-any", NOW).ok(), Some("pt-any"));
        assert_eq!(tokens.account("sak-1", NOW).expect_err("a key").status, 401);
        tokens.revoke();
        assert_eq!(
            tokens
                .account(&token(&first), NOW)
                .expect_err("revoked")
                .status,
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
                asked(|body| body.set("grant_type", "password")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body.set("audience", "other")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body.set("scope", "qca.access all")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body.set("ttl_seconds", "900")),
                400,
            ),
            (
                Some("sak-1"),
                asked(|body| body.set("ttl_seconds", 43_201)),
                400,
            ),
        ];
        for (bearer, body, status) in cases {
            let refused = Tokens::default().exchange(bearer, &body, None, NOW);
            let text = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(
                refused.expect_err("refused").status,
                status,
                "{bearer:?} {text}"
            );
        }
        let mut tokens = Tokens::default();
        let forward = asked(|body| body.set("scope", "forward.access"));
        let answer = tokens
            .exchange(Some("sak-1"), &forward, None, NOW)
            .expect("a token");
        let token = answer["access_token"].text();
        assert_eq!(
            tokens.account(token, NOW).expect_err("another API").status,
            403
        );
    }
}
