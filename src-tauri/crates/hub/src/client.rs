//! Asks the hub: which models there are, what one is, which files it has.
//!
//! Owns: the requests and the bounds of their answers. Refuses to own: bytes of models (`download`).

use futures::StreamExt;
use reqwest::{
    Client, Response,
    header::{self, HeaderMap, HeaderValue},
};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{
    address::{Address, ModelId},
    error::HubError,
    http::{Endpoint, HubSettings, hub_refusal, unreachable},
    tree::{FilePath, Listing},
    wire::{ModelInfo, ModelSummary, TreeEntry, WireModel},
};

/// A page of a thousand files has a third of this.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Of a listing. A repository with more than fifty thousand files is no model.
const MAX_PAGES: usize = 50;
const MAX_FILES: usize = 50_000;
/// Of a list of results.
const MAX_RESULTS: u32 = 100;
/// Of a cursor, which travels back in an address.
const MAX_CURSOR: usize = 2048;

/// What a text led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It named a model, and that one exists.
    Exactly {
        /// With the revision and the file, where they were named.
        address: Address,
        /// The model.
        model: Box<ModelInfo>,
    },
    /// It was words.
    Results(Vec<ModelSummary>),
}

/// One page of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The most downloaded first.
    pub models: Vec<ModelSummary>,
    /// What to ask with for the page after; `None` at the end.
    pub next: Option<String>,
}

/// A hub. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    pub(crate) endpoint: Endpoint,
}

impl Hub {
    /// `http` must come from [`http_client`](crate::http_client): another one may follow redirects with the token.
    ///
    /// # Errors
    /// [`HubError::Base`] where the address cannot be used.
    pub fn new(http: Client, settings: &HubSettings) -> Result<Self, HubError> {
        Ok(Self {
            endpoint: Endpoint::new(http, settings)?,
        })
    }

    /// Whatever the user typed: a name or an address leads to that model, words to results. A name that the hub does not know
    /// is searched for as well, because people type half of it.
    ///
    /// # Errors
    /// As for [`Hub::model`] and [`Hub::search`].
    pub async fn find(&self, text: &str, limit: u32) -> Result<Found, HubError> {
        let Some(address) = Address::parse(text, self.endpoint.base())? else {
            return Ok(Found::Results(self.search(text, limit).await?));
        };
        match self
            .model(&address.model, address.revision.as_deref())
            .await
        {
            Ok(model) => Ok(Found::Exactly {
                address,
                model: Box::new(model),
            }),
            Err(HubError::NotFound(_)) if !text.contains("://") => {
                Ok(Found::Results(self.search(text, limit).await?))
            }
            Err(error) => Err(error),
        }
    }

    /// GGUF models with these words in their names, the most downloaded first; at most a hundred.
    ///
    /// # Errors
    /// When the hub cannot be reached, refuses, or answers with what is no list.
    pub async fn search(&self, words: &str, limit: u32) -> Result<Vec<ModelSummary>, HubError> {
        let page = self.search_page(words, limit, None).await?;
        Ok(page.models)
    }

    /// The same, page by page: `cursor` is what the page before gave as its [`Page::next`].
    ///
    /// # Errors
    /// As for [`Hub::search`].
    pub async fn search_page(
        &self,
        words: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page, HubError> {
        let words: String = words.trim().chars().take(200).collect();
        let limit = limit.clamp(1, MAX_RESULTS);
        let mut url = self.endpoint.url(&["api", "models"]);
        url.query_pairs_mut()
            .append_pair("search", &words)
            .append_pair("filter", "gguf")
            .append_pair("sort", "downloads")
            .append_pair("direction", "-1")
            .append_pair("limit", &limit.to_string())
            .append_pair("full", "false");
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let (models, next): (Vec<WireModel>, _) = self.json(&url, None, "such list").await?;
        // Only the cursor is taken out of the next address: where it leads is not the answer's to say.
        let next = next.and_then(|next| {
            next.query_pairs()
                .find(|(name, _)| name == "cursor")
                .map(|(_, cursor)| cursor.into_owned())
        });
        Ok(Page {
            models: models
                .into_iter()
                .filter_map(WireModel::summary)
                .take(limit as usize)
                .collect(),
            next: next.filter(|next| next.len() <= MAX_CURSOR),
        })
    }

    /// The hub's address.
    pub fn base(&self) -> &Url {
        self.endpoint.base()
    }

    /// The model's page, for people.
    pub fn page(&self, id: &ModelId) -> String {
        self.endpoint.page(id)
    }

    /// The first bytes of a file, at most `bytes` of them, to look at before anything is fetched. They are not checked.
    ///
    /// # Errors
    /// When the file cannot be reached or the server refuses.
    pub async fn beginning(
        &self,
        id: &ModelId,
        revision: &str,
        path: &FilePath,
        bytes: usize,
    ) -> Result<Vec<u8>, HubError> {
        let mut segments = vec![id.author(), id.name(), "resolve", revision];
        segments.extend(path.as_str().split('/'));
        let mut headers = HeaderMap::new();
        let range = format!("bytes=0-{}", bytes.saturating_sub(1));
        if let Ok(range) = HeaderValue::from_str(&range) {
            headers.insert(header::RANGE, range);
        }
        let url = self.endpoint.url(&segments);
        let arrival = self.endpoint.get(&url, &headers, false).await?;
        let response = arrival.response;
        if !response.status().is_success() {
            let what = format!("file “{path}”");
            let status = response.status().as_u16();
            return Err(if arrival.from_hub {
                hub_refusal(&self.endpoint, Some(id), &what, status, response.headers())
            } else {
                HubError::Status(status)
            });
        }
        tokio::time::timeout(self.endpoint.body_timeout(), first(response, bytes))
            .await
            .map_err(|_| HubError::Silent("the answer took too long".into()))?
    }

    /// One model, at the head of its main branch or at a revision.
    ///
    /// # Errors
    /// [`HubError::NotFound`] also for private ones; otherwise as for [`Hub::search`].
    pub async fn model(&self, id: &ModelId, revision: Option<&str>) -> Result<ModelInfo, HubError> {
        let mut segments = vec!["api", "models", id.author(), id.name()];
        if let Some(revision) = revision {
            segments.extend(["revision", revision]);
        }
        let url = self.endpoint.url(&segments);
        let (model, _): (WireModel, _) =
            self.json(&url, Some(id), &format!("model “{id}”")).await?;
        model.info()
    }

    /// All files of a model at a revision; take [`ModelInfo::commit`] where there is one.
    ///
    /// # Errors
    /// [`HubError::TooLarge`] for a repository with more files than any model; otherwise as for [`Hub::model`].
    pub async fn files(&self, id: &ModelId, revision: &str) -> Result<Listing, HubError> {
        let mut url =
            self.endpoint
                .url(&["api", "models", id.author(), id.name(), "tree", revision]);
        url.query_pairs_mut().append_pair("recursive", "true");
        let what = format!("model “{id}” with the revision “{revision}”");
        let mut entries: Vec<TreeEntry> = Vec::new();
        for _ in 0..MAX_PAGES {
            let (page, next): (Vec<TreeEntry>, _) = self.json(&url, Some(id), &what).await?;
            entries.extend(page);
            if entries.len() > MAX_FILES {
                break;
            }
            match next {
                None => return Ok(Listing::from_entries(entries)),
                // A page elsewhere would get the token, or would be anyone's word on our files.
                Some(next) if !self.endpoint.owns(&next) => {
                    return Err(HubError::BadAnswer(
                        "its next page is on another host".into(),
                    ));
                }
                Some(next) => url = next,
            }
        }
        Err(HubError::TooLarge { limit: MAX_FILES })
    }

    async fn json<T: DeserializeOwned>(
        &self,
        url: &Url,
        model: Option<&ModelId>,
        what: &str,
    ) -> Result<(T, Option<Url>), HubError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let arrival = self.endpoint.get(url, &headers, true).await?;
        let status = arrival.response.status();
        if !status.is_success() {
            return Err(hub_refusal(
                &self.endpoint,
                model,
                what,
                status.as_u16(),
                arrival.response.headers(),
            ));
        }
        let next = arrival
            .response
            .headers()
            .get(header::LINK)
            .and_then(|value| value.to_str().ok())
            .and_then(next_page)
            .and_then(|next| arrival.url.join(next).ok());
        let bytes = tokio::time::timeout(self.endpoint.body_timeout(), read(arrival.response))
            .await
            .map_err(|_| HubError::Silent("the answer took too long".into()))??;
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| HubError::BadAnswer(error.to_string()))?;
        Ok((value, next))
    }
}

/// Stops reading where there is enough: a server without ranges would send all of it.
async fn first(response: Response, most: usize) -> Result<Vec<u8>, HubError> {
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while bytes.len() < most
        && let Some(chunk) = body.next().await
    {
        bytes.extend_from_slice(&chunk.map_err(unreachable)?);
    }
    bytes.truncate(most);
    Ok(bytes)
}

async fn read(response: Response) -> Result<Vec<u8>, HubError> {
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(unreachable)?;
        if bytes.len() + chunk.len() > MAX_ANSWER {
            return Err(HubError::TooLarge { limit: MAX_ANSWER });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The target of `rel="next"` in a Link header.
fn next_page(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.split_once(';')?;
        let next = parameters
            .split(';')
            .any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        next.then(|| target.trim().strip_prefix('<')?.strip_suffix('>'))?
    })
}
