"""Words that the dialogues are made of, and their division into training and test words.

Names, cities, things and syllables of the test split never occur in training, so that the evaluation measures
copying and not memory.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Literal

Split = Literal["train", "test"]


def listed(text: str) -> list[str]:
    return text.split()


CITIES = listed("""
Paris London Berlin Madrid Rome Vienna Prague Warsaw Lisbon Dublin Oslo Stockholm Helsinki
Copenhagen Athens Budapest Brussels Amsterdam Zurich Geneva Milan Naples Venice Florence Barcelona
Seville Valencia Porto Lyon Nice Munich Hamburg Cologne Frankfurt Dresden Krakow Riga Vilnius
Tallinn Sofia Bucharest Belgrade Zagreb Istanbul Ankara Moscow Kazan Tbilisi Yerevan Baku Cairo
Tunis Rabat Lagos Accra Nairobi Tokyo Osaka Kyoto Seoul Busan Beijing Shanghai Delhi Mumbai Chennai
Bangkok Hanoi Manila Jakarta Singapore Sydney Melbourne Perth Brisbane Auckland Wellington Toronto
Montreal Vancouver Ottawa Chicago Boston Seattle Denver Dallas Houston Austin Miami Atlanta Detroit
Phoenix Portland Lima Bogota Quito Santiago Havana
""")
LONG_CITIES = [
    *("New York", "San Francisco", "Los Angeles", "Las Vegas", "Hong Kong", "Cape Town", "Buenos Aires"),
    *("Mexico City", "Kuala Lumpur", "Tel Aviv", "New Orleans", "San Diego", "Salt Lake City"),
    *("Rio de Janeiro", "Abu Dhabi", "Sao Paulo"),
]
FIRST_NAMES = listed("""
Alice Bob Carol David Emma Frank Grace Henry Irene Jack Karen Leo Maria Nina Oscar Paul Rachel Sam
Tina Victor Wendy Anna Boris Clara Daniel Elena Felix George Hanna Igor Julia Kevin Laura Martin
Nora Olga Peter Robert Sarah Thomas Ursula Vera Walter Yuri Zoe Adam Bella Chris Diana Eric Fiona
Gabriel Helen Ivan James Kate Linda Mark Natalie Oliver Pamela Roman Simon Teresa Viktor William
Alex Anton Denis Maxim Sophie Lucas Mia Noah Liam Ava Ella Hugo Ida Jonas
""")
THINGS = listed("""
book lamp phone laptop chair table bicycle camera guitar piano coffee tea pizza apple banana orange
shirt jacket watch ring umbrella bottle keyboard mouse monitor printer ticket car train boat plane
house garden flower tree cat dog bird horse rabbit robot rocket star moon river mountain forest
castle dragon unicorn wizard pirate ocean island bridge tower clock mirror candle violin drum
trumpet sandwich cake cookie cheese soup salad
""")
COLORS = listed("red blue green yellow black white orange purple pink brown gray silver golden")
DAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = listed("January February March April May June July August September October November December")
LANGUAGES = listed("""
French German Spanish Italian Russian Polish Dutch Greek Turkish Arabic Hindi Chinese Japanese
Korean Portuguese Swedish
""")
CONDITIONS = listed("sunny cloudy rainy snowy windy foggy stormy clear hot cold warm humid")
SMALL_WORDS = listed("the a my your this that new old big small very good and with for of in on to is are")
CAPITALS = dict(
    pair.split("=")
    for pair in listed("""
France=Paris Germany=Berlin Spain=Madrid Italy=Rome Japan=Tokyo Russia=Moscow China=Beijing
Greece=Athens Poland=Warsaw Austria=Vienna Portugal=Lisbon Ireland=Dublin Norway=Oslo
Sweden=Stockholm Finland=Helsinki Egypt=Cairo Canada=Ottawa Hungary=Budapest Cuba=Havana Peru=Lima
England=London Turkey=Ankara
""")
)

_ONSETS = listed("b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sh st t tr v w x y z th sk bl")
_VOWELS = listed("a e i o u ai ea io ou ee")
_CODAS = ["", "", "", "n", "r", "l", "s", "m", "t", "k", "x", "nd", "rk", "sh"]

_shuffling = random.Random(7)


def _divided(words: Iterable[str], test_share: float) -> dict[Split, list[str]]:
    shuffled = sorted(words)
    _shuffling.shuffle(shuffled)
    count = int(len(shuffled) * test_share)
    return {"test": shuffled[:count], "train": shuffled[count:]}


# The order of these calls is part of the data: they draw from one random sequence.
CITY = _divided(CITIES, 0.2)
LONG_CITY = _divided(LONG_CITIES, 0.25)
FIRST_NAME = _divided(FIRST_NAMES, 0.2)
THING = _divided(THINGS, 0.15)
SYLLABLE = _divided({a + b + c for a in _ONSETS for b in _VOWELS for c in _CODAS}, 0.2)
