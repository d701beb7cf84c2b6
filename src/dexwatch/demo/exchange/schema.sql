-- The sample exchange's own database, with some weeks of history so that business metrics are alive.
create table users (
  id bigint generated always as identity primary key,
  email text not null unique,
  salt bytea not null,
  password_hash bytea not null,
  created_at timestamptz not null default now()
);
create table sessions (
  token_hash bytea primary key,
  user_id bigint not null references users,
  source text not null,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  ended_at timestamptz
);
create index on sessions (last_seen_at);
create table trades (
  id bigint generated always as identity primary key,
  user_id bigint not null references users,
  pair text not null,
  side text not null check (side in ('buy', 'sell')),
  usd numeric(20, 6) not null,
  fee_usd numeric(20, 6) not null default 0,
  amount_in numeric(78, 0),
  amount_out numeric(78, 0),
  quoted_out numeric(78, 0),
  transaction_hash text,
  status text not null default 'pending' check (status in ('pending', 'confirmed', 'failed')),
  created_at timestamptz not null default now(),
  settled_at timestamptz
);
create index on trades (created_at);
create table payments (
  id bigint generated always as identity primary key,
  user_id bigint not null references users,
  kind text not null check (kind in ('deposit', 'withdrawal')),
  usd numeric(20, 2) not null,
  status text not null default 'pending' check (status in ('pending', 'settled', 'failed')),
  created_at timestamptz not null default now(),
  settled_at timestamptz
);
create table tickets (
  id bigint generated always as identity primary key,
  user_id bigint not null references users,
  subject text not null,
  answered_at timestamptz,
  created_at timestamptz not null default now()
);
create table feature_uses (
  feature text not null,
  user_id bigint not null references users,
  uses bigint not null default 1,
  last_used_at timestamptz not null default now(),
  primary key (feature, user_id)
);
create table surveys (
  id bigint generated always as identity primary key,
  user_id bigint not null references users,
  score smallint not null check (score between 1 and 5),
  answered_at timestamptz not null default now()
);
create table holdings (
  user_id bigint not null references users,
  token text not null,
  amount numeric(30, 8) not null,
  primary key (user_id, token)
);
create table prices (
  token text primary key,
  usd numeric(30, 12) not null,
  at timestamptz not null default now()
);
create table sync_state (
  dataset text primary key,
  block bigint not null default 0,
  synced_at timestamptz not null default now()
);

insert into sync_state (dataset) values ('blocks'), ('balances'), ('prices');
insert into prices (token, usd) values ('USDT', 1), ('WBNB', 600), ('CAKE', 2.5), ('ETH', 3500);
select setseed(0.5);
insert into users (email, salt, password_hash, created_at)
  select format('user%s@example.org', n), %(salt)s, %(hash)s, now() - random() * interval '60 days'
  from generate_series(1, 400) as n;
insert into sessions (token_hash, user_id, source, created_at, last_seen_at, ended_at)
  select sha256(format('%s-%s', u.id, n)::bytea), u.id, '198.51.100.1', t.at, t.at + t.length, t.at + t.length
  from users as u, generate_series(1, 3) as n,
    lateral (select now() - interval '1 hour' - random() * interval '14 days' + u.id * interval '0 s' as at,
                    random() * interval '40 minutes' + u.id * interval '0 s' as length) as t;
insert into trades (user_id, pair, side, usd, fee_usd, status, created_at, settled_at)
  select 1 + n % 400, (array['WBNB/USDT', 'CAKE/WBNB', 'ETH/USDT'])[1 + n % 3],
    (array['buy', 'sell'])[1 + n % 2], 50 + 1950 * random(), 1.0,
    case when n % 50 = 0 then 'failed' else 'confirmed' end, t.at, t.at + interval '1 second'
  from generate_series(1, 3000) as n,
    lateral (select now() - interval '1 hour' - random() * interval '14 days' + n * interval '0 s' as at) as t;
update trades set fee_usd = usd * 0.0005;
insert into payments (user_id, kind, usd, status, created_at, settled_at)
  select 1 + n % 400, (array['deposit', 'withdrawal'])[1 + n % 2], round((20 + 480 * random())::numeric, 2),
    'settled', now() - interval '1 day', now() - interval '1 day'
  from generate_series(1, 400) as n;
insert into holdings (user_id, token, amount)
  select u.id, p.token, (200 + 3000 * random()) / p.usd from users as u, prices as p;
insert into surveys (user_id, score, answered_at)
  select 1 + n % 400, 3 + n % 3, now() - random() * interval '14 days' from generate_series(1, 120) as n;
insert into feature_uses (feature, user_id, uses)
  select f, u.id, 1 + (random() * 9)::int from users as u, unnest(array['swap', 'charts', 'alerts', 'farms']) as f
  where random() < 0.4;
insert into tickets (user_id, subject, answered_at, created_at)
  select 1 + n, 'Question about fees', case when n > 3 then now() end, now() - interval '1 hour'
  from generate_series(1, 40) as n;
