//! Sessions: listing, making, renaming, deleting, asking, searching.

use std::path::Path;

use nexus_protocol::{
    ErrorCard, NewSession, Op, SearchHit, SessionId, SessionSummary, Snapshot, Submission,
    TitleSource,
};

use super::{Nexus, routing::Pair};
use crate::cards;

/// Characters of a title; longer ones are cut.
const TITLE_CHARS: usize = 200;
/// Attachments of one message.
const MAX_ATTACHMENTS: usize = 16;
/// Base64 characters of one attachment: 20 MiB of image.
const MAX_ATTACHMENT: usize = 28 * 1024 * 1024;

impl Nexus {
    /// Asks something of a session; returns once it is accepted. A user's message is on disk by then.
    pub async fn submit(&self, submission: Submission) -> Result<(), ErrorCard> {
        if let Op::UserTurn {
            attachments, model, ..
        } = &submission.op
        {
            check_attachments(attachments)?;
            if let Some(model) = model {
                self.inner.models.check(model).await?;
            }
        }
        let session = self.session(submission.session).await?;
        session.submit(submission).await
    }

    /// A session as it stands.
    pub async fn snapshot(&self, session: SessionId) -> Result<Snapshot, ErrorCard> {
        self.session(session).await?.snapshot().await
    }

    /// All sessions that are not deleted, the newest word first.
    pub async fn sessions(&self) -> Result<Vec<SessionSummary>, ErrorCard> {
        self.inner.store.sessions().await.map_err(|e| e.card())
    }

    /// A new session: with a model or the default one, a mode or Ask, a working folder or none.
    pub async fn session_create(&self, new: NewSession) -> Result<SessionSummary, ErrorCard> {
        let NewSession {
            model,
            mode,
            folder,
            routing,
            partner,
        } = new;
        if let Some(model) = &model {
            self.inner.models.check(model).await?;
        }
        let folder = match folder {
            Some(folder) => Some(self.check_folder(Path::new(&folder)).await?),
            None => None,
        };
        let model = model.or_else(|| self.inner.settings.current().settings.default_model);
        let pair = match routing {
            Some(routing) => self.pair(routing, [partner, model, None]).await?,
            None => Pair {
                model,
                partner: None,
            },
        };
        let now = self.inner.clock.now();
        let summary = SessionSummary {
            id: SessionId(self.inner.clock.new_uuid()),
            title: String::new(),
            title_source: TitleSource::None,
            model: pair.model,
            mode: mode.unwrap_or_default(),
            folder,
            routing,
            partner: pair.partner,
            created_at: now,
            updated_at: now,
        };
        self.inner
            .store
            .create_session(&summary)
            .await
            .map_err(|error| error.card())?;
        let session = self.session(summary.id).await?;
        session.changed(summary.clone()).await;
        Ok(summary)
    }

    /// Gives a session a title of the user's.
    pub async fn session_rename(
        &self,
        id: SessionId,
        title: String,
    ) -> Result<SessionSummary, ErrorCard> {
        let title = one_line(&title);
        if title.is_empty() {
            return Err(cards::bad_input(
                "A title needs a word",
                "Type at least one letter.",
            ));
        }
        let session = self.session(id).await?;
        let changed = self
            .inner
            .store
            .set_title(id, &title, TitleSource::User)
            .await
            .map_err(|error| error.card())?;
        match changed {
            Some(summary) => {
                session.changed(summary.clone()).await;
                Ok(summary)
            }
            // The same title again.
            None => self.summary(id).await,
        }
    }

    /// Takes a session out of the list. It can be restored for an hour, and until the next start.
    pub async fn session_delete(&self, id: SessionId) -> Result<(), ErrorCard> {
        let session = self.session(id).await?;
        let now = self.inner.clock.now();
        let deleted = self
            .inner
            .store
            .delete_session(id, now)
            .await
            .map_err(|error| error.card())?;
        if !deleted {
            return Err(cards::no_session());
        }
        session.deleted().await;
        Ok(())
    }

    /// Puts a deleted session back.
    pub async fn session_restore(&self, id: SessionId) -> Result<SessionSummary, ErrorCard> {
        let restored = self
            .inner
            .store
            .restore_session(id)
            .await
            .map_err(|error| error.card())?;
        let summary = match restored {
            Some(summary) => summary,
            // Not deleted, or gone for good.
            None => return self.summary(id).await,
        };
        self.session(id).await?.changed(summary.clone()).await;
        Ok(summary)
    }

    /// Sessions and items that hold the words, the best first; 200 at most.
    pub async fn search(&self, query: String, limit: u32) -> Result<Vec<SearchHit>, ErrorCard> {
        let query: String = query.chars().take(1000).collect();
        self.inner
            .store
            .search(&query, limit.clamp(1, 200))
            .await
            .map_err(|error| error.card())
    }

    pub(super) async fn summary(&self, id: SessionId) -> Result<SessionSummary, ErrorCard> {
        self.inner
            .store
            .session(id)
            .await
            .map_err(|error| error.card())?
            .ok_or_else(cards::no_session)
    }
}

fn one_line(title: &str) -> String {
    let words: Vec<&str> = title
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(TITLE_CHARS).collect()
}

fn check_attachments(attachments: &[nexus_protocol::Attachment]) -> Result<(), ErrorCard> {
    const TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];
    if attachments.len() > MAX_ATTACHMENTS {
        return Err(cards::bad_input(
            "Too many images",
            format!("One message takes {MAX_ATTACHMENTS} at most. Send the others in another one."),
        ));
    }
    for attachment in attachments {
        let name = &attachment.name;
        if !TYPES.contains(&attachment.image.media_type.as_str()) {
            return Err(cards::bad_input(
                "This file cannot be attached",
                format!("{name} is no PNG, JPEG, WebP or GIF image."),
            ));
        }
        if attachment.image.base64.len() > MAX_ATTACHMENT {
            return Err(cards::bad_input(
                "This image is too large",
                format!("{name} has more than 20 MiB. Make it smaller first."),
            ));
        }
    }
    Ok(())
}
