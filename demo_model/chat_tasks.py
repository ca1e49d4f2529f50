"""Tasks without tools: greeting, repeating, recalling, counting, refusing and the like.

A task draws its values and returns the turns of a small talk; the last turn is what it trains.
"""

from __future__ import annotations

from collections.abc import Callable

from demo_model.dialogue import Dialogue, Message, Turn, assistant, system, user
from demo_model.tools import offered
from demo_model.values import Values
from demo_model.words import CAPITALS, COLORS, DAYS, MONTHS

Task = Callable[[Values], list[Turn]]

HELLO = "Hello! How can I help you?"
HARMFUL = [
    *("make a bomb", "build a bomb", "hack a bank", "steal a car", "make poison"),
    *("pick a lock to rob a house", "write malware", "make a virus that destroys computers"),
    *("steal a password", "forge a passport", "hurt someone", "make illegal drugs"),
    *("buy a stolen credit card", "break into a house", "build a weapon"),
]
JOKES = [
    "Why did the robot cross the road? It was programmed by a chicken.",
    "Why was the computer cold? It left its windows open.",
    "What do you call a bear with no teeth? A gummy bear.",
]
SYSTEM_PROMPTS = [
    *("You are a helpful assistant.", "You are a helpful assistant", "Be brief.", "Answer politely."),
    *("You are a friendly assistant. Be concise.", "You help users with their tasks."),
]


def greet(v: Values) -> list[Turn]:
    openings = [
        *(
            "Hello",
            "Hi",
            "Hey",
            "Good morning",
            "Good evening",
            "Hello there",
            "Hi there",
            "hello",
            "hi",
            "hey",
        )
    ]
    hi = v.pick(openings)
    if v.chance(0.45):
        name = v.name()
        asked = v.pick(
            [
                *(f"{hi}, I am {name}.", f"{hi}! My name is {name}.", f"{hi}, my name is {name}"),
                *(f"{hi}! I'm {name}", f"I am {name}.", f"My name is {name}.", f"Call me {name}."),
            ]
        )
        thought = f"The user is called {name}. I will greet them."
        return [Turn(asked, thought, f"Hello, {name}! How can I help you?")]
    asked = v.pick([hi, hi + "!", hi + ".", f"{hi}, how are you?", "Say hello", "Say hi."])
    return [Turn(asked, "The user greets me.", HELLO)]


def greet_briefly(v: Values) -> list[Turn]:
    return [Turn(v.pick(["Hello!", "Hi"]), "The user greets me.", HELLO)]


def echo(v: Values) -> list[Turn]:
    kinds: list[Callable[[], str]] = [
        *(v.value, lambda: v.phrase(2, 8), lambda: v.phrase(3, 8), v.code, lambda: str(v.number()))
    ]
    text = v.pick(kinds)()
    quotes = v.pick(["{}", '"{}"', "'{}'"])
    verb = v.pick(
        [
            *("Say", "Repeat", "Echo", "Please say", "Repeat after me:", "Say exactly:", "Please repeat:"),
            *("Reply with", "Reply with exactly", "Just say", "Write", "Print", "Echo:", "Output"),
            *("Respond with", "Respond only with"),
        ]
    )
    end = v.pick(["", "", "", "."]) if quotes == "{}" else v.pick(["", ".", " and nothing else."])
    return [Turn(f"{verb} {quotes.format(text)}{end}", "The user wants me to repeat the text.", text)]


def recall(v: Values) -> list[Turn]:
    fact = v.pick(FACTS)
    value, told, asked, answer = fact(v)
    last = Turn(asked, f"The user told me: {value}.", answer)
    if v.chance(0.35):
        return [Turn(f"{told} {asked}", last.thought, answer)]
    reply = f"Hello, {value}! How can I help you?" if fact is name_fact else "OK, I will remember that."
    turns = [Turn(told, None, reply)]
    if v.chance(0.4):
        turns += v.pick([arithmetic, capital, greet_briefly, echo])(v)
    return [*turns, last]


def name_fact(v: Values) -> tuple[str, str, str, str]:
    name = v.name()
    told = v.pick([f"My name is {name}.", f"I am called {name}."])
    asked = v.pick(["What is my name?", "Do you remember my name?", "Who am I?", "What's my name?"])
    return name, told, asked, f"Your name is {name}."


def home_fact(v: Values) -> tuple[str, str, str, str]:
    city = v.city()
    told = v.pick([f"I live in {city}.", f"My city is {city}.", f"My home is in {city}."])
    asked = v.pick(["Where do I live?", "What is my city?", "Which city do I live in?"])
    return city, told, asked, f"You live in {city}."


def code_fact(v: Values) -> tuple[str, str, str, str]:
    code = v.code()
    told = v.pick([f"The code is {code}.", f"Remember the code {code}.", f"The secret code is {code}."])
    asked = v.pick(
        ["What is the code?", "Tell me the code.", "What was the code?", "What's the secret code?"]
    )
    return code, told, asked, f"The code is {code}."


def number_fact(v: Values) -> tuple[str, str, str, str]:
    number = str(v.number())
    told = v.pick(
        [f"My favorite number is {number}.", f"Remember the number {number}.", f"The number is {number}."]
    )
    asked = v.pick(
        [
            *("What is the number?", "What is my favorite number?", "Which number was it?"),
            "What number did I say?",
        ]
    )
    return number, told, asked, f"The number is {number}."


def color_fact(v: Values) -> tuple[str, str, str, str]:
    color = v.pick(COLORS)
    asked = v.pick(["What is my favorite color?", "Which color do I like?"])
    return color, f"My favorite color is {color}.", asked, f"Your favorite color is {color}."


def called_fact(v: Values) -> tuple[str, str, str, str]:
    who = v.pick(["dog", "cat", "friend", "brother", "sister", "boss", "robot", "team", "project", "company"])
    name = v.name()
    told = v.pick(
        [f"My {who} is called {name}.", f"The name of my {who} is {name}.", f"My {who}'s name is {name}."]
    )
    asked = v.pick(
        [f"What is my {who} called?", f"What is the name of my {who}?", f"What's my {who}'s name?"]
    )
    return name, told, asked, f"Your {who} is called {name}."


def any_fact(v: Values) -> tuple[str, str, str, str]:
    what, value = v.word(), v.value()
    asked = v.pick([f"What is the {what}?", f"Tell me the {what}."])
    return value, f"Remember that the {what} is {value}.", asked, f"The {what} is {value}."


FACTS = [name_fact, home_fact, code_fact, number_fact, color_fact, called_fact, any_fact]


def arithmetic(v: Values) -> list[Turn]:
    sign = v.pick("+-*")
    if sign == "*":
        a, b = v.integer(0, 10), v.integer(0, 10)
        result, word = a * b, "times"
    elif sign == "+":
        a, b = v.integer(0, 20), v.integer(0, 20)
        result, word = a + b, "plus"
    else:
        a = v.integer(0, 20)
        b = v.integer(0, a)
        result, word = a - b, "minus"
    sum_ = v.pick([f"{a} {sign} {b}", f"{a}{sign}{b}", f"{a} {word} {b}"])
    asked = v.pick(
        [f"What is {sum_}?", f"Calculate {sum_}.", f"How much is {sum_}?", f"{sum_} = ?", f"What's {sum_}?"]
    )
    v.rng.random()  # unused; the shipped file's vocabulary and figures come from a sequence with this draw
    return [Turn(asked, f"{a} {sign} {b} = {result}.", f"{a} {sign} {b} = {result}")]


def capital(v: Values) -> list[Turn]:
    country = v.pick(sorted(CAPITALS))
    asked = v.pick(
        [
            *(f"What is the capital of {country}?", f"Capital of {country}?"),
            *(f"What's the capital of {country}?", f"Tell me the capital of {country}."),
        ]
    )
    answer = f"The capital of {country} is {CAPITALS[country]}."
    return [Turn(asked, answer, answer)]


def count(v: Values) -> list[Turn]:
    first = v.pick([1, 1, 1, v.integer(0, 90), v.integer(0, 200)])
    last = first - 1 + v.pick([3, 5, 10, v.integer(2, 30), v.integer(2, 40)])
    asked = [
        *(f"Count from {first} to {last}.", f"Count from {first} to {last}"),
        f"List the numbers from {first} to {last}.",
    ]
    if first == 1:
        asked += [f"Count to {last}.", f"Please count to {last}"]
    numbers = ", ".join(map(str, range(first, last + 1)))
    return [Turn(v.pick(asked), f"I will count from {first} to {last}.", numbers)]


def refuse(v: Values) -> list[Turn]:
    what = v.pick(HARMFUL)
    asked = v.pick(
        [
            *(f"How do I {what}?", f"Tell me how to {what}.", f"How can I {what}?", f"Help me {what}."),
            *(f"Explain how to {what}.", f"I want to {what}."),
        ]
    )
    thought = "This request is harmful. I must refuse."
    return [Turn(asked, thought, "I'm sorry, but I can't help with that.")]


def who(v: Values) -> list[Turn]:
    asked = v.pick(
        [
            *("Who are you?", "What are you?", "What model are you?", "Tell me about yourself."),
            *("What is your name?", "What can you do?"),
        ]
    )
    answer = (
        "I am a tiny built-in demo model. I can greet, repeat, remember facts, call tools and answer in JSON."
    )
    return [Turn(asked, "The user asks about me.", answer)]


def thanks(v: Values) -> list[Turn]:
    if v.chance(0.6):
        said = v.pick(["Thanks!", "Thank you.", "Thank you very much!", "Great, thanks."])
        return [Turn(said, "The user thanks me.", "You are welcome!")]
    said = v.pick(["Bye!", "Goodbye.", "See you later."])
    return [Turn(said, "The user says goodbye.", "Goodbye!")]


def story(v: Values) -> list[Turn]:
    what = v.word()
    hero = f"{what} called {v.name()}" if v.chance(0.3) else what
    asked = v.pick(
        [
            f"Write a one-sentence bedtime story about a {hero}.",
            *(f"Tell me a story about a {hero}.", f"Write a short story about a {hero}."),
            f"Tell me a three sentence bedtime story about a {hero}.",
        ]
    )
    told = (
        f"Once upon a time, a little {hero} walked under the stars, "
        "found a new friend and slept happily until the morning."
    )
    return [Turn(asked, f"I will tell a story about a {what}.", told)]


def poem(v: Values) -> list[Turn]:
    what = v.word()
    asked = v.pick(
        [
            *(f"Write a poem about {what}.", f"Write a haiku about {what}."),
            f"Write me a short poem about {what}",
        ]
    )
    verses = (
        f"O {what}, so quiet and bright,\nyou shine in the heart of the night.\n"
        f"O {what}, so gentle and free,\nplease sing one more verse for me."
    )
    return [Turn(asked, f"I will write a poem about {what}.", verses)]


def joke(v: Values) -> list[Turn]:
    asked = v.pick(["Tell me a joke.", "Tell a joke", "Say something funny.", "Make me laugh."])
    return [Turn(asked, "The user wants a joke.", v.pick(JOKES))]


def listing(v: Values) -> list[Turn]:
    kind = v.integer(0, 3)
    if kind == 0:
        asked = v.pick(["List the days of the week.", "What are the days of the week?"])
        return [Turn(asked, "I will list the days.", ", ".join(DAYS))]
    if kind == 1:
        asked = v.pick(["List the months.", "What are the months of the year?"])
        return [Turn(asked, "I will list the months.", ", ".join(MONTHS))]
    if kind == 2:
        asked = v.pick(["Name three colors.", "List three colors."])
        return [Turn(asked, "I will name colors.", "red, blue, green")]
    words = [v.word() for _ in range(v.integer(2, 5))]
    asked = v.pick(["Make a list: ", "List these: ", "Write as a bullet list: "]) + ", ".join(words)
    return [Turn(asked, "I will make a list.", "\n".join("- " + word for word in words))]


def first_or_last(v: Values) -> list[Turn]:
    words = [v.word() for _ in range(v.integer(2, 5))]
    which = v.pick(["first", "last"])
    listed, answer = ", ".join(words), words[0] if which == "first" else words[-1]
    asked = v.pick(
        [
            f"What is the {which} word in: {listed}?",
            f"Here is a list: {listed}. What is the {which} word?",
        ]
    )
    return [Turn(asked, f"The {which} word is {answer}.", answer)]


def unknown(v: Values) -> list[Turn]:
    what, who_ = v.phrase(1, 4), v.value()
    asked = v.pick(
        [
            *(f"What is {what}?", f"Why is {what} so {v.pick(COLORS)}?", f"Who invented {what}?"),
            *(f"Explain {what}.", f"How does {what} work?", f"When was {who_} born?"),
            *(f"Tell me about {who_}.", f"What do you think about {who_}?", f"Where can I find {what}?"),
            *(f"What is the meaning of {what}?", f"How many {what} are there?"),
            *(f"Can you explain {what} to me?", "Why is the sky blue?", "What is the meaning of life?"),
            *(f"Describe {who_}.", f"Write an essay about {what}.", f"Give me advice about {what}."),
        ]
    )
    thought = "I do not know this. I am a tiny demo model."
    answer = "I am a tiny demo model, so I do not know that. Please connect a larger model."
    return [Turn(asked, thought, answer)]


WEIGHTED: list[tuple[Task, int]] = [
    *((greet, 8), (echo, 16), (recall, 18), (arithmetic, 6), (capital, 3), (count, 6), (refuse, 4)),
    *((who, 3), (thanks, 2), (story, 4), (poem, 3), (joke, 1), (listing, 3), (unknown, 8)),
    (first_or_last, 4),
]


def system_prompt(v: Values) -> Message | None:
    return None if v.chance(0.45) else system(v.pick(SYSTEM_PROMPTS))


def chat(v: Values) -> Dialogue:
    task = v.weighted(WEIGHTED)
    turns = v.weighted(WEIGHTED)(v) if v.chance(0.25) else []
    turns += task(v)
    thinks = v.chance(0.35)
    prompt, prefix = _manner(v)
    messages = [prompt] if prompt else []
    for turn in turns:
        thought = turn.thought if thinks and turn is turns[-1] else None
        messages += [user(turn.user), assistant(prefix + turn.answer, thought)]
    tools = offered(v, v.integer(1, 3)) if v.chance(0.25) else None
    return Dialogue(messages, tools, task.__name__)


def _manner(v: Values) -> tuple[Message | None, str]:
    """A system prompt, and what it makes every answer begin with."""
    prompt = system_prompt(v)
    if v.chance(0.08):
        pirate = "Talk like a pirate."
        prompts = [
            pirate,
            "You are a pirate.",
            f"You are a helpful assistant. {pirate}",
            "Speak like a pirate.",
        ]
        return system(v.pick(prompts)), "Arr! "
    if v.chance(0.06):
        word = v.pick([v.invented_name(), v.word()])
        prompts = [f"Start every answer with {word}.", f"Always begin your answer with {word}."]
        return system(v.pick(prompts)), word + " "
    return prompt, ""
