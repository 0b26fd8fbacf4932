//! What runs inside Redis, each in one step.
//!
//! All of it is one sorted set, so that it is there as a whole or not at all, whatever is thrown away to make room:
//! the topics and `clock` with their times (above zero), the name of the epoch (at -1), and the instances with the end of
//! their lease (below -1, negated, in milliseconds of the server's clock).

/// Takes the name of a new epoch for the case that there is none.
const BEGIN: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function begin(name)
  local epoch = 'e:' .. name .. ':' .. string.format('%.0f', now)
  redis.call('ZREMRANGEBYSCORE', KEYS[1], -1, -1)
  redis.call('ZADD', KEYS[1], -1, epoch)
  redis.call('ZINCRBY', KEYS[1], 1, 'clock')
  redis.call('PEXPIRE', KEYS[1], 86400000)
  return epoch
end
local epoch = redis.call('ZRANGEBYSCORE', KEYS[1], -1, -1)[1]
if not epoch then epoch = begin(ARGV[1]) end
";

/// What was written since a look before: the epoch, whether it can be relied on, the server's time, then topics and times.
/// Arguments: a name for an epoch, the epoch and the clock of the look before, how long a new epoch is not relied on.
const LOOK: &str = r"
local clock = redis.call('ZSCORE', KEYS[1], 'clock')
local lost = redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', -now), '(-1')
local born = tonumber(string.match(epoch, ':(%d+)$'))
local good = (lost == 0 and now - born >= tonumber(ARGV[4])) and 1 or 0
local since = '0'
if epoch == ARGV[2] then since = ARGV[3] end
local news = {}
if tonumber(clock) > tonumber(since) then
  news = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. since, '+inf', 'WITHSCORES')
end
return {epoch, good, string.format('%.0f', now), clock, news}
";

/// Moves the clock, for these topics. Arguments: a name for an epoch, the topics.
const BUMP: &str = r"
local clock = redis.call('ZINCRBY', KEYS[1], 1, 'clock')
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], clock, ARGV[i]) end
return {epoch, clock}
";

/// Lets an instance count until a time of the server's clock. Arguments: a name for an epoch, the instance, that time,
/// whether everything before is to be forgotten, how long an instance may be silent before it is given up.
const LEASE: &str = r"
local given_up = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', tonumber(ARGV[5]) - now), '(-1')
for _, one in ipairs(given_up) do redis.call('ZREM', KEYS[1], one) end
if #given_up > 0 or ARGV[4] == '1' then
  local born = string.match(epoch, ':(%d+)$')
  redis.call('ZREM', KEYS[1], epoch)
  redis.call('ZADD', KEYS[1], -1, 'e:' .. ARGV[1] .. ':' .. born)
  redis.call('ZINCRBY', KEYS[1], 1, 'clock')
end
redis.call('ZADD', KEYS[1], -tonumber(ARGV[3]), 'l:' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], 86400000)
return string.format('%.0f', now)
";

/// Begins a new epoch. Argument: its name.
const RESET: &str = r"
begin(ARGV[1])
return 1
";

#[derive(Clone, Copy, Debug, Eq, PartialEq, strum::VariantArray)]
pub(crate) enum Script {
    Look,
    Bump,
    Lease,
}

impl Script {
    pub(crate) fn text(self) -> String {
        let end = match self {
            Self::Look => LOOK,
            Self::Bump => BUMP,
            Self::Lease => LEASE,
        };
        format!("{BEGIN}{end}")
    }

    pub(crate) fn reset() -> String {
        format!("{BEGIN}{RESET}")
    }
}
