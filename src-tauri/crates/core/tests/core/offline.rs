//! Offline by choice, and where answers are made: through the whole core.

use std::time::Duration;

use nexus_core::{CoreOptions, Nexus};
use nexus_protocol::{
    ErrorAction, ErrorCode, EventMsg, ItemBody, ModelRef, NewSession, NoticeLevel, Routing,
    SessionId,
};
use nexus_test_support::Sse;
use serde_json::json;

use super::{World, submission, until_end, user_turn};

/// A provider elsewhere whose name leads nowhere.
const FAR: &str = "far/large";

/// The scripted provider is on this machine; another one is not.
fn world() -> World {
    let world = World::new();
    let settings = format!(
        "auto_title = false\ndefault_model = \"here/small\"\n\
         [[providers]]\nid = \"here\"\nbase_url = \"{}\"\nkey = \"none\"\n\
         [[providers]]\nid = \"far\"\nname = \"Far\"\nbase_url = \"https://far.invalid/v1\"\nkey = \"none\"\n",
        world.server.base_url()
    );
    world.data.write("settings.toml", settings);
    world
}

async fn start(world: &World) -> Nexus {
    let mut options: CoreOptions = world.options();
    options.timeouts.retries = 0;
    options.timeouts.connect = Duration::from_secs(10);
    Nexus::start(options).await.unwrap()
}

async fn session(nexus: &Nexus, model: &str, routing: Option<Routing>) -> SessionId {
    let new = NewSession {
        model: Some(ModelRef(model.into())),
        routing,
        ..NewSession::default()
    };
    nexus.session_create(new).await.unwrap().id
}

async fn ask(nexus: &Nexus, session: SessionId) -> EventMsg {
    let mut events = nexus.subscribe();
    nexus.submit(user_turn(session, "Hi")).await.unwrap();
    until_end(&mut events, session).await.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_only_this_machine_is_asked() {
    let world = world();
    let nexus = start(&world).await;
    let far = session(&nexus, FAR, None).await;
    // Online its name is looked up, in vain.
    let EventMsg::TurnFailed { error, .. } = ask(&nexus, far).await else {
        panic!("there is no such host");
    };
    assert_eq!(error.code, ErrorCode::Unreachable);

    let view = nexus
        .setting_set("offline".into(), json!(true))
        .await
        .unwrap();
    assert!(view.settings.offline);
    let EventMsg::TurnFailed { error, .. } = ask(&nexus, far).await else {
        panic!("nothing may leave");
    };
    assert_eq!(
        (error.code, error.action),
        (ErrorCode::Offline, ErrorAction::GoOnline)
    );
    assert_eq!(error.title, "You are offline by your own choice");
    let image = nexus.fetch_image("https://example.org/a.png".into()).await;
    assert_eq!(image.unwrap_err().code, ErrorCode::Offline);

    world.server.push(Sse::reply("small", "Here.").answer());
    let here = session(&nexus, "here/small", None).await;
    let end = ask(&nexus, here).await;
    assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
    // A list that was not asked for is no failure of the provider.
    let catalog = nexus.models(true).await;
    assert_eq!(catalog.unwrap().failures, []);
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloud_first_is_answered_here_where_the_network_fails() {
    let world = world();
    let nexus = start(&world).await;
    let id = session(&nexus, FAR, Some(Routing::CloudFirst)).await;
    for words in [
        "Far cannot be reached",
        "You are offline by your own choice",
    ] {
        world
            .server
            .push(Sse::reply("small", "From here.").answer());
        let end = ask(&nexus, id).await;
        assert!(matches!(end, EventMsg::TurnCompleted { .. }), "{end:?}");
        let items = nexus.snapshot(id).await.unwrap().items;
        let last = items.iter().rev().find_map(|item| match &item.body {
            ItemBody::Notice {
                level: NoticeLevel::Warning,
                text,
                ..
            } => Some(text.clone()),
            _ => None,
        });
        assert_eq!(
            last,
            Some(format!("{words}, so small on this machine answers."))
        );
        nexus
            .setting_set("offline".into(), json!(true))
            .await
            .unwrap();
    }
    nexus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routing_finds_its_models() {
    let world = world();
    let nexus = start(&world).await;
    let id = session(&nexus, "here/small", None).await;
    let none = nexus
        .session_routing(id, Some(Routing::LocalFirst), None)
        .await;
    assert_eq!(
        none.unwrap_err().title,
        "No model in the cloud was chosen yet"
    );

    // One that was used is found; one that is named comes first.
    session(&nexus, FAR, None).await;
    let here = Some(ModelRef("here/small".into()));
    let far = Some(ModelRef(FAR.into()));
    let set = nexus
        .session_routing(id, Some(Routing::LocalFirst), None)
        .await
        .unwrap();
    assert_eq!(
        (set.routing, &set.model, &set.partner),
        (Some(Routing::LocalFirst), &here, &far)
    );
    let set = nexus
        .session_routing(id, Some(Routing::CloudFirst), None)
        .await
        .unwrap();
    assert_eq!((&set.model, &set.partner), (&far, &here));
    let other = Some(ModelRef("far/other".into()));
    let set = nexus
        .session_routing(id, Some(Routing::LocalFirst), other.clone())
        .await
        .unwrap();
    assert_eq!((&set.model, &set.partner), (&here, &other));

    // A model that is chosen takes the place at its own place.
    nexus
        .model_select(Some(id), ModelRef(FAR.into()))
        .await
        .unwrap();
    let now = nexus.snapshot(id).await.unwrap().session;
    assert_eq!((&now.model, &now.partner), (&here, &far));
    nexus
        .session_routing(id, Some(Routing::LocalOnly), None)
        .await
        .unwrap();
    let refused = nexus
        .model_select(Some(id), ModelRef(FAR.into()))
        .await
        .unwrap_err();
    assert_eq!(refused.title, "This chat is set to “Local only”");
    let op = nexus_protocol::Op::UserTurn {
        text: "Hi".into(),
        attachments: Vec::new(),
        model: far,
    };
    let refused = nexus.submit(submission(id, op)).await.unwrap_err();
    assert_eq!(refused.title, "This chat is set to “Local only”");

    // Without a routing nothing is different from before.
    let set = nexus.session_routing(id, None, None).await.unwrap();
    assert_eq!((set.routing, &set.model, set.partner), (None, &here, None));
    assert_eq!(nexus.made_at(&ModelRef(FAR.into())), "by Far");
    assert_eq!(
        nexus.made_at(&ModelRef("here/small".into())),
        "on this machine"
    );
    nexus.shutdown().await;
}
