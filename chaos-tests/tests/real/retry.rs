//! A publisher that did not hear an answer asks again: the same key is the same message.

use crate::inbox::holds_exactly;
use chaos_tests::real::county::Plan;
use chaos_tests::real::publisher::{Event, accepted, connect, post, publish};

const COUNTY: &str = "510722";
const VILLAGE: &str = "510722.101";

#[tokio::test]
async fn a_key_used_again_after_a_kill_is_answered_with_the_same_id_and_another_body_is_refused() {
    let mut county = Plan::of(&[COUNTY, VILLAGE]).start().await;
    let nats = connect(county.station(VILLAGE)).await;
    let event = Event::report(1).keyed("grid-7");
    let first = publish(&nats, &event).await;
    assert_eq!(first["duplicate"], false);
    let id = accepted(&first);
    let (status, posted) = post(county.station(VILLAGE), &Event::report(2), "grid-8").await;
    assert_eq!((status, &posted["duplicate"]), (202, &false.into()), "{posted}");
    for again in 0..2 {
        if again == 1 {
            county.station_mut(VILLAGE).kill().await;
            county.station_mut(VILLAGE).start();
            county.station_mut(VILLAGE).ready().await;
        }
        let repeated = publish(&nats, &event).await;
        assert_eq!((accepted(&repeated), &repeated["duplicate"]), (id.clone(), &true.into()));
        let (status, answer) = post(county.station(VILLAGE), &Event::report(2), "grid-8").await;
        assert_eq!((status, &answer["duplicate"]), (202, &true.into()), "{answer}");
        assert_eq!(accepted(&answer), accepted(&posted));
        let other = publish(&nats, &Event::report(3).keyed("grid-7")).await;
        assert_eq!(other["error"]["code"], "id_conflict", "{other}");
        let user = "demo";
        assert_eq!(
            other["error"]["message"],
            format!(
                "id `grid-7` of source `{user}` was used for another body, taken as {id}; a new \
                 event needs a new id"
            )
        );
        let (status, other) = post(county.station(VILLAGE), &Event::report(3), "grid-8").await;
        assert_eq!((status, &other["code"]), (409, &"id_conflict".into()), "{other}");
    }
    holds_exactly(county.station(COUNTY), [&id, &accepted(&posted)]).await;
}
