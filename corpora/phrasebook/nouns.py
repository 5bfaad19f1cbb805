"""Nouns and adjectives of both languages."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ADJECTIVES", "BY_KIND", "NOUNS", "Adjective", "Noun"]


@dataclass(frozen=True)
class Noun:
    """One noun in both languages.

    Attributes:
        de: The German singular.
        gender: `m`, `f` or `n`.
        plural: The German plural, empty for what is not counted.
        en: The English singular.
        en_plural: The English plural.
        kinds: What sort of thing it is; decides which verbs and adjectives it goes with.
        weak: Whether the other cases of the singular end in -n (`der Junge`, `den Jungen`).
    """

    de: str
    gender: str
    plural: str
    en: str
    en_plural: str
    kinds: tuple[str, ...]
    weak: bool = False


@dataclass(frozen=True)
class Adjective:
    """One adjective: the German word, its stem before endings, the English word."""

    de: str
    stem: str
    en: str


# German, gender, plural, English, English plural, kinds; `-` stands for no plural.
_NOUNS = """
Mutter      f Mütter       mother      mothers       kin
Vater       m Väter        father      fathers       kin
Bruder      m Brüder       brother     brothers      kin
Schwester   f Schwestern   sister      sisters       kin
Onkel       m Onkel        uncle       uncles        kin
Tante       f Tanten       aunt        aunts         kin
Großmutter  f Großmütter   grandmother grandmothers  kin
Großvater   m Großväter    grandfather grandfathers  kin
Sohn        m Söhne        son         sons          kin
Tochter     f Töchter      daughter    daughters     kin
Freund      m Freunde      friend      friends       kin
Nachbar     m Nachbarn     neighbour   neighbours    kin,weak
Fischer     m Fischer      fisherman   fishermen     folk,seller
Kapitän     m Kapitäne     captain     captains      folk
Lehrerin    f Lehrerinnen  teacher     teachers      folk
Bäcker      m Bäcker       baker       bakers        folk,seller
Arzt        m Ärzte        doctor      doctors       folk
Wirtin      f Wirtinnen    landlady    landladies    folk
Postbote    m Postboten    postman     postmen       folk,weak
Matrose     m Matrosen     sailor      sailors       folk,weak
Händlerin   f Händlerinnen trader      traders       folk,seller
Gast        m Gäste        guest       guests        folk
Tourist     m Touristen    tourist     tourists      folk,weak
Fahrgast    m Fahrgäste    passenger   passengers    folk
Junge       m Jungen       boy         boys          folk,child,weak
Mädchen     n Mädchen      girl        girls         folk,child
Kind        n Kinder       child       children      folk,child
Mann        m Männer       man         men           folk
Frau        f Frauen       woman       women         folk
Koch        m Köche        cook        cooks         folk
Hafenmeister m Hafenmeister harbourmaster harbourmasters folk
Netz        n Netze        net         nets          thing,mend
Segel       n Segel        sail        sails         thing,mend
Uhr         f Uhren        clock       clocks        thing,mend,look
Lampe       f Lampen       lamp        lamps         thing,mend,house
Schlüssel   m Schlüssel    key         keys          thing,small
Brief       m Briefe       letter      letters       post,read
Paket       n Pakete       parcel      parcels       post,load
Koffer      m Koffer       suitcase    suitcases     thing,load
Korb        m Körbe        basket      baskets       thing,load
Kiste       f Kisten       box         boxes         thing,load
Landkarte   f Landkarten   map         maps          thing,small,look
Fahrkarte   f Fahrkarten   ticket      tickets       ticket
Buch        n Bücher       book        books         thing,small,read
Zeitung     f Zeitungen    newspaper   newspapers    read
Bild        n Bilder       picture     pictures      thing,look
Tisch       m Tische       table       tables        thing,house
Stuhl       m Stühle       chair       chairs        thing,house
Fenster     n Fenster      window      windows       open
Tür         f Türen        door        doors         open
Tasche      f Taschen      bag         bags          thing,small,load
Jacke       f Jacken       jacket      jackets       thing,small,wear
Mantel      m Mäntel       coat        coats         thing,small,wear
Hut         m Hüte         hat         hats          thing,small,wear
Regenschirm m Regenschirme umbrella    umbrellas     thing,small
Seil        n Seile        rope        ropes         thing
Anker       m Anker        anchor      anchors       thing
Geschenk    n Geschenke    present     presents      thing,small
Geld        n -            money       -             cash
Gepäck      n -            luggage     -             baggage
Zeit        f -            time        -             time
Brot        n -            bread       -             food,stuff,bake
Fisch       m Fische       fish        fish          food,catch
Hering      m Heringe      herring     herrings      food,catch
Kuchen      m Kuchen       cake        cakes         food,bake
Suppe       f Suppen       soup        soups         dish
Apfel       m Äpfel        apple       apples        food
Birne       f Birnen       pear        pears         food
Kartoffel   f Kartoffeln   potato      potatoes      food
Ei          n Eier         egg         eggs          food
Zwiebel     f Zwiebeln     onion       onions        food
Käse        m -            cheese      -             food,stuff
Honig       m -            honey       -             food,stuff
Milch       f -            milk        -             drink,stuff
Kaffee      m -            coffee      -             drink,stuff
Tee         m -            tea         -             drink,stuff
Wasser      n -            water       -             drink,stuff
Fähre       f Fähren       ferry       ferries       vessel,ride
Schiff      n Schiffe      ship        ships         vessel
Boot        n Boote        boat        boats         vessel,own,mend
Segelboot   n Segelboote   sailing_boat sailing_boats vessel,own,mend
Fischerboot n Fischerboote fishing_boat fishing_boats vessel,mend
Bus         m Busse        bus         buses         ride,wheels
Zug         m Züge         train       trains        ride,wheels
Fahrrad     n Fahrräder    bicycle     bicycles      own,mend
Hund        m Hunde        dog         dogs          animal,pet
Katze       f Katzen       cat         cats          animal,pet
Pferd       n Pferde       horse       horses        animal
Ziege       f Ziegen       goat        goats         animal
Huhn        n Hühner       hen         hens          animal
Möwe        f Möwen        gull        gulls         bird
Haus        n Häuser       house       houses        building,own
Garten      m Gärten       garden      gardens       place
Zimmer      n Zimmer       room        rooms         room
Küche       f Küchen       kitchen     kitchens      room
Hafen       m Häfen        harbour     harbours      place,sight
Markt       m Märkte       market      markets       place
Marktplatz  m Marktplätze  market_square market_squares place
Insel       f Inseln       island      islands       place,sight
Strand      m Strände      beach       beaches       place,sight
Kai         m Kais         quay        quays         place
Kirche      f Kirchen      church      churches      building,sight
Schule      f Schulen      school      schools       building
Bahnhof     m Bahnhöfe     station     stations      building
Museum      n Museen       museum      museums       building,sight
Leuchtturm  m Leuchttürme  lighthouse  lighthouses   building,sight
Bäckerei    f Bäckereien   bakery      bakeries      building
Rathaus     n Rathäuser    town_hall   town_halls    building,sight
Brücke      f Brücken      bridge      bridges       building,sight
Gasthaus    n Gasthäuser   inn         inns          building
Café        n Cafés        café        cafés         building
Werkstatt   f Werkstätten  workshop    workshops     building
Dorf        n Dörfer       village     villages      place
Stadt       f Städte       town        towns         place
Straße      f Straßen      street      streets       place
Geschichte  f Geschichten  story       stories       tale
Lied        n Lieder       song        songs         tale
Wind        m -            wind        -             weather
Sturm       m Stürme       storm       storms        weather
Nebel       m -            fog         -             weather
Regen       m -            rain        -             weather
Schnee      m -            snow        -             weather
Sonne       f -            sun         -             weather
Himmel      m -            sky         -             weather
Meer        n -            sea         -             weather
Welle       f Wellen       wave        waves         weather
Wetter      n -            weather     -             weather
Glocke      f Glocken      bell        bells         bell
Frage       f Fragen       question    questions     word
Weg         m Wege         way         ways          way
"""

_ADJECTIVES = """
alt alt old
jung jung young
klein klein small
groß groß big
freundlich freundlich friendly
müde müd tired
neu neu new
schön schön beautiful
schwer schwer heavy
teuer teur expensive
billig billig cheap
rot rot red
blau blau blue
grün grün green
weiß weiß white
schwarz schwarz black
frisch frisch fresh
warm warm warm
kalt kalt cold
gut gut good
leer leer empty
lang lang long
kurz kurz short
dunkel dunkl dark
laut laut loud
hungrig hungrig hungry
krank krank ill
lustig lustig funny
traurig traurig sad
berühmt berühmt famous
stark stark strong
dick dick thick
"""

# Which adjectives stand before which kind of noun.
_BEFORE = {
    "kin": "alt freundlich lustig müde",
    "folk": "alt jung freundlich müde traurig lustig klein",
    "child": "klein müde hungrig freundlich lustig",
    "thing": "alt neu groß klein schön",
    "wear": "rot blau schwarz warm dick grün",
    "load": "schwer groß klein leer",
    "house": "alt neu klein billig",
    "look": "alt schön teuer klein groß",
    "post": "lang kurz klein groß",
    "ticket": "billig teuer neu",
    "food": "frisch gut billig teuer",
    "bake": "frisch warm gut",
    "dish": "warm kalt gut",
    "drink": "kalt warm gut",
    "vessel": "alt neu klein groß weiß blau",
    "own": "alt neu klein rot grün teuer",
    "ride": "neu alt klein",
    "wheels": "rot blau alt",
    "animal": "jung alt klein schwarz weiß hungrig",
    "bird": "weiß laut hungrig",
    "building": "alt neu klein groß schön berühmt",
    "room": "klein groß dunkel warm",
    "place": "klein schön alt",
    "open": "klein groß alt",
    "tale": "lang kurz traurig lustig schön",
    "read": "alt lang neu",
    "bell": "alt groß laut",
    "word": "gut kurz",
}


def _parse(row: str) -> Noun:
    de, gender, plural, en, en_plural, marks = (part.replace("_", " ") for part in row.split())
    kinds = tuple(mark for mark in marks.split(",") if mark != "weak")
    return Noun(de, gender, plural.strip("-"), en, en_plural.strip("-"), kinds, "weak" in marks)


NOUNS = {noun.de: noun for noun in map(_parse, _NOUNS.strip().split("\n"))}
BY_KIND: dict[str, list[Noun]] = {}
for _each in NOUNS.values():
    for _kind in _each.kinds:
        BY_KIND.setdefault(_kind, []).append(_each)

_WORDS = {row.split()[0]: Adjective(*row.split()) for row in _ADJECTIVES.strip().split("\n")}
ADJECTIVES = {kind: [_WORDS[word] for word in words.split()] for kind, words in _BEFORE.items()}
