//! Credentials that the host sends along: to their hosts, unseen by scripts.

use isolet::Isolet;
use isolet::http::Secret;

use crate::setup::World;

const TOKEN: &str = "sk_live_0123456789";

fn isolet(world: &World) -> Isolet {
    let host = format!("127.0.0.1:{}", world.server.port());
    let pay = Secret::bearer("pay", TOKEN).expect("a secret").host(&host).expect("a host").over_http();
    let crm = Secret::header("crm", "x-api-key", "key-0123456789").expect("a secret").host(&host).expect("a host");
    let elsewhere = Secret::bearer("elsewhere", TOKEN).expect("a secret").host("b.test").expect("a host").over_http();
    let secrets = vec![pay, crm.over_http(), elsewhere, Secret::bearer("nowhere", TOKEN).expect("a secret")];
    world.builder().http(world.http().secrets(secrets).build()).build().expect("it builds")
}

#[tokio::test]
async fn secrets_are_sent_and_not_seen() {
    let world = World::new().await;
    let isolet = isolet(&world);
    let rows = [
        (
            "const r = await fetch(base + '/echo', { secrets: ['pay', 'crm'] }), e = await r.json(); \
             [e.headers.authorization, e.headers['x-api-key'], r.headers.get('x-echo')]",
            r#"["Bearer [secret]","[secret]","Bearer [secret], [secret]"]"#,
        ),
        ("(await http.get(base + '/echo', { secrets: 'pay' })).body.headers.authorization", r#""Bearer [secret]""#),
        ("(await http.get(base + '/echo')).body.headers.authorization ?? 'none'", r#""none""#),
        (
            "(await http.get(base + '/echo', { secrets: 'pay', headers: { authorization: 'mine' } })).body.headers.authorization",
            r#""Bearer [secret]""#,
        ),
        ("const q = new Request(base + '/echo', { secrets: ['pay'] }); JSON.stringify(q) + Object.keys(q)", r#""{}""#),
        (
            "await fetch(base, { secrets: ['other'] })",
            "sandbox_violation: PermissionError: this script has no secret \"other\": to permit it, add it to the host's \
             secrets for this script",
        ),
        (
            "await fetch(base, { secrets: ['elsewhere'] })",
            "sandbox_violation: PermissionError: the secret \"elsewhere\" is not sent to 127.0.0.1:PORT: to permit it, add \
             this host to the secret's, or ask by https",
        ),
        ("await caught(fetch(base, { secrets: 'nowhere' }))", r#""ERR_PERMISSION""#),
    ];
    world.check(&isolet, &rows).await;
    let sent = world.server.requests();
    assert_eq!(sent[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(sent[0].header("x-api-key"), Some("key-0123456789"));
    assert_eq!(sent.len(), 4, "what is refused is not sent");
}

#[tokio::test]
async fn secrets_follow_to_no_other_origin() {
    let world = World::new().await;
    let isolet = isolet(&world);
    world.names.tell("b.test", "127.0.0.1");
    let rows = [
        (
            "(await http.get(base + '/redirect/302?/echo', { secrets: 'pay' })).body.headers.authorization",
            r#""Bearer [secret]""#,
        ),
        (
            "(await http.get(base + `/redirect/302?http://b.test:${port}/echo`, { secrets: 'pay' })).body.headers.authorization ?? 'none'",
            r#""none""#,
        ),
        // Nor back, once they were dropped.
        (
            "(await http.get(base + `/redirect/302?http://b.test:${port}/redirect/302?${base}/echo`, { secrets: 'pay' })).body.headers.authorization ?? 'none'",
            r#""none""#,
        ),
    ];
    world.check(&isolet, &rows).await;
}

#[tokio::test]
async fn what_a_server_gives_back_is_taken_out() {
    let world = World::new().await;
    let isolet = isolet(&world);
    // The server is told the token in other ways, as if it remembered it.
    let hex: String = TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect();
    for form in [TOKEN, &hex, "c2tfbGl2ZV8wMTIzNDU2Nzg5"] {
        let script =
            format!("await fetch(base + '/say?x', {{ secrets: 'pay' }}); (await http.get(base + '/say?{form}')).body");
        world.check(&isolet, &[(&script, r#""[secret]""#)]).await;
        let moved = format!(
            "await fetch(base + '/say?x', {{ secrets: 'pay' }}); (await http.get(base + '/redirect/302?/say?{form}')).url === base + '/say?[secret]'"
        );
        world.check(&isolet, &[(&moved, "true")]).await;
        // Who has not asked for it gets what the server says.
        let other = format!("(await http.get(base + '/say?{form}')).body.length");
        world.check(&isolet, &[(&other, &form.len().to_string())]).await;
    }
}

#[tokio::test]
async fn reports_and_errors_tell_no_secrets() {
    let world = World::new().await;
    let isolet = isolet(&world);
    for path in ["echo", "close", "silent", "redirect/302?ftp://x/", "endless"] {
        let script = format!(
            "const q = new Request(base + '/{path}', {{ secrets: ['pay', 'crm'], timeoutMs: 100 }}); console.log(q); \
             try {{ const r = await fetch(q); console.dir(r); console.log([...r.headers], await r.text()) }} \
             catch (e) {{ console.log(e, e.stack); throw e }}"
        );
        let report = isolet.execute(world.execution(&script)).await;
        let told = serde_json::to_string(&report).expect("JSON");
        assert!(!report.logs.is_empty() && !told.contains("0123456789"), "{path}: {told}");
        world.server.wait_until_busy(0).await;
    }
}
