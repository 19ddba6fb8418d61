//! Where a session's answers are made. Refuses to know whether its models are where they are said to be.

use nexus_protocol::{ModelRef, Routing, SessionId, SessionSummary};
use rusqlite::params;

use crate::{Store, StoreError, sessions::find};

impl Store {
    /// Sets where answers are made, with the model that is asked and the one at the other place. The session as it is then; `None`
    /// where there is no such session.
    pub async fn set_routing(
        &self,
        id: SessionId,
        routing: Option<Routing>,
        model: Option<&ModelRef>,
        partner: Option<&ModelRef>,
    ) -> Result<Option<SessionSummary>, StoreError> {
        let (model, partner) = (model.cloned(), partner.cloned());
        self.writer()
            .run(move |transaction| {
                transaction.execute(
                    "UPDATE sessions SET routing = ?2, model = ?3, partner = ?4
                     WHERE id = ?1 AND deleted_at IS NULL",
                    params![
                        id.0.as_bytes(),
                        routing.map(routing_name),
                        model.map(|model| model.0),
                        partner.map(|model| model.0),
                    ],
                )?;
                Ok(find(transaction, id)?)
            })
            .await
    }
}

/// As stored.
pub(crate) fn routing_name(routing: Routing) -> &'static str {
    match routing {
        Routing::LocalOnly => "local_only",
        Routing::LocalFirst => "local_first",
        Routing::CloudFirst => "cloud_first",
        Routing::Cloud => "cloud",
    }
}

/// For a name that this version does not know: what sends nothing away.
pub(crate) fn routing_from(name: &str) -> Routing {
    match name {
        "local_first" => Routing::LocalFirst,
        "cloud_first" => Routing::CloudFirst,
        "cloud" => Routing::Cloud,
        _ => Routing::LocalOnly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, session, session_id};

    #[tokio::test]
    async fn a_routing_changes_and_stays() {
        let fixture = Fixture::with_session().await;
        let store = &fixture.store;
        let (here, there) = (
            ModelRef::new("local", "tiny"),
            ModelRef::new("far", "large"),
        );
        for routing in Routing::ALL {
            let expected = Some(SessionSummary {
                routing: Some(routing),
                model: Some(there.clone()),
                partner: Some(here.clone()),
                ..session(1, "First")
            });
            let set = store
                .set_routing(session_id(1), Some(routing), Some(&there), Some(&here))
                .await;
            assert_eq!(set.unwrap(), expected);
            assert_eq!(store.session(session_id(1)).await.unwrap(), expected);
            assert_eq!(routing_from(routing_name(routing)), routing);
        }
        let cleared = store
            .set_routing(session_id(1), None, Some(&here), None)
            .await;
        assert_eq!(cleared.unwrap(), Some(session(1, "First")));
        let nobody = store.set_routing(session_id(9), None, None, None).await;
        assert_eq!(nobody.unwrap(), None);
        let created = SessionSummary {
            routing: Some(Routing::LocalFirst),
            partner: Some(there),
            ..session(2, "Second")
        };
        store.create_session(&created).await.unwrap();
        assert_eq!(store.session(session_id(2)).await.unwrap(), Some(created));
    }

    #[test]
    fn what_is_not_known_sends_nothing_away() {
        assert_eq!(routing_from("somewhere"), Routing::LocalOnly);
    }
}
