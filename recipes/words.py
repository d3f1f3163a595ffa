"""The words of generated recipes, the more frequent ones first.

Lists are in plain ASCII; `ACCENTED` holds the spellings that some authors prefer. In a pattern, a name in braces stands
for a word out of `SLOTS`, and `{food}` for one of the recipe's own ingredients.
"""

from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    """The entries of a list: separated by a bar, and by the ends of lines."""
    return tuple(word.strip() for line in text.strip().splitlines() for word in line.split("|"))


@dataclass(frozen=True)
class Kind:
    """Ingredients that are measured, qualified and prepared in the same ways."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    qualities: tuple[str, ...]
    preparations: tuple[str, ...]


STAPLES = Kind(
    _words("""
        sugar|butter|flour|olive oil|water|brown sugar|vegetable oil|rice|honey|all-purpose flour|powdered sugar
        cornstarch|breadcrumbs|margarine|oats|pasta|chocolate chips|shortening|cornmeal|maple syrup|spaghetti
        peanut butter|egg noodles|corn syrup|molasses|coconut|canola oil|cake mix|raisins|walnuts|pecans|almonds|quinoa
        couscous|lentils|black beans|chickpeas|cocoa powder|graham cracker crumbs|bulgur|polenta|macaroni|sesame oil
        coconut oil|cashews|pine nuts|lard|kidney beans|white beans|tortilla chips|barley|puffed cereal
        dried cranberries|marshmallows|sunflower seeds|orzo
    """),
    _words("cup|cups|tablespoons|tablespoon|g|ounces|teaspoons|pound|package|bag|(8 ounce) package|(15 ounce) can|lbs"),
    _words("""
        unsalted|packed|white|extra virgin|light|dark|uncooked|melted|cold|warm|self-rising|whole wheat|unbleached
        granulated|long-grain|unsweetened|sweetened|roasted|toasted|cooked|good quality|gluten-free|organic
        lightly salted|basmati|raw|quick-cooking|old-fashioned|semisweet|fine|coarse|instant|stone-ground|wholemeal
        reduced-fat|blanched|slivered|smooth
    """),
    _words("""
        melted|softened|divided|sifted|at room temperature|chopped|plus more for the pan|or to taste
        cut into small cubes|rinsed and drained|toasted|for dusting|for frying|coarsely chopped|cooked and cooled
        or more as needed|cubed|chilled|for greasing the tin|loosely packed|broken into pieces|soaked overnight
        cut in half|plus a little extra|very cold|cooked according to package directions|ground|lightly crushed
        room temperature|melted and slightly cooled|as desired
    """),
)

SEASONINGS = Kind(
    _words("""
        salt|pepper|vanilla|cinnamon|baking powder|baking soda|black pepper|garlic powder|paprika|cumin|oregano
        chili powder|nutmeg|basil|thyme|onion powder|cayenne pepper|parsley flakes|mustard|ginger|Italian seasoning
        cloves|curry powder|turmeric|allspice|coriander|bay leaf|cream of tartar|rosemary|red pepper flakes|sage|dill
        cardamom|garam masala|saffron|white pepper|dry mustard|celery seed|poppy seeds|sesame seeds|marjoram
        vanilla extract|almond extract|fennel seeds|smoked paprika|lemon pepper|seasoned salt|yeast|caraway seeds
        star anise|sumac|tarragon|food coloring|mint|zaatar
    """),
    _words("teaspoon|teaspoons|tablespoon|pinch|dash|tsp|tablespoons|tbsp|sprinkle of|pinch of|small jar|packet"),
    _words("""
        ground|dried|kosher|freshly ground|sea|fresh|pure|crushed|sweet|hot|coarse|dry|freshly grated|whole|cracked
        granulated|Hungarian|iodized|minced|mild|active dry|finely ground|Madras|imitation|Mexican|Spanish|Himalayan
        Greek|rubbed|toasted
    """),
    _words("""
        to taste|or to taste|optional|divided|crushed|or more to taste|if desired|finely chopped|for garnish
        plus more to taste|crumbled|toasted and ground|freshly ground|as needed|for sprinkling|heaped|leveled off
        bruised|if you like it spicy
    """),
)

VEGETABLES = Kind(
    _words("""
        onion|garlic|tomatoes|carrots|potatoes|celery|green onions|lemon|mushrooms|green bell pepper|parsley|cilantro
        spinach|red bell pepper|apples|zucchini|cabbage|broccoli|cucumber|shallots|red onion|ginger root|sweet potatoes
        bananas|corn|lime|orange|cauliflower|peas|jalapeno pepper|green beans|avocado|strawberries|blueberries|eggplant
        leeks|lettuce|kale|pineapple|pumpkin|asparagus|cherry tomatoes|scallions|butternut squash|cranberries|olives
        peaches|raspberries|mango|basil leaves|green chilies|beets|radishes|fennel|artichoke hearts|pears|turnips|okra
        cherries|rhubarb|bok choy|dates|parsnips|Brussels sprouts|water chestnuts|bean sprouts|arugula|plums|chives
        poblano peppers|apricots|watercress|figs
    """),
    _words(
        "medium|large|cup|cups|small|pound|cloves|bunch|stalks|heads|sprigs|(14 ounce) can|handful|slices|g|lbs|ears of"
    ),
    _words("""
        fresh|ripe|chopped|sliced|diced|frozen|red|yellow|baby|large|shredded|canned|minced|green|white|firm|sweet
        finely chopped|grated|organic|young|dried|Roma|Granny Smith|Yukon Gold|flat-leaf|crisp|Vidalia|russet|garden
        thinly sliced|sun-dried|pickled|seedless|cooked|fire-roasted|marinated|overripe|heirloom|tender|peeled
    """),
    _words("""
        chopped|minced|diced|finely chopped|sliced|thinly sliced|peeled and diced|grated|juiced|drained|shredded|peeled
        seeded and chopped|cut into 1 inch pieces|crushed|cut into wedges|quartered|halved|peeled and cubed|for garnish
        mashed|trimmed|cored and sliced|cut into strips|roughly chopped|juice and zest|rinsed and patted dry
        cut in half lengthwise|drained and chopped|peeled and cut into chunks|washed and torn|julienned|coarsely grated
        stems removed|cut into rings|thawed and squeezed dry|sliced on the diagonal|pitted
        white and green parts separated|zest only|cut into matchsticks|reserve some for the topping
        seeds and membranes removed|peeled, cored and chopped
    """),
)

PROTEINS = Kind(
    _words("""
        eggs|chicken breasts|ground beef|bacon|shrimp|ham|chicken|sausage|pork chops|egg whites|egg yolks|ground turkey
        salmon|beef chuck roast|chicken thighs|tofu|crabmeat|pork tenderloin|stewing beef|tuna|lamb|turkey|ground pork
        white fish|flank steak|Italian sausage|pancetta|cod fillets|anchovies|scallops|prosciutto|pepperoni
        pork shoulder|chorizo|tilapia|sirloin steak|veal|chicken wings|mussels|tempeh|short ribs|duck|smoked salmon
        prawns|clams|corned beef|halibut
    """),
    _words("large|pound|pounds|slices|medium|lbs|lb|ounces|g|cups|whole|(6 ounce) cans|small|thick slices"),
    _words("""
        boneless skinless|lean|cooked|large|smoked|fresh|thick-cut|raw|extra-firm|free-range|hot|jumbo|bone-in
        center-cut|mild|hard-boiled|medium|frozen|organic|wild|leftover|thinly sliced|peeled and deveined|diced|shredded
        extra-lean|crumbled
    """),
    _words("""
        beaten|cooked and crumbled|lightly beaten|cut into cubes|separated|cut into bite-size pieces|at room temperature
        cubed|peeled and deveined|cooked and shredded|diced|cut into strips|drained|trimmed of fat|sliced|pounded thin
        drained and flaked|cut into 1 inch pieces|browned|skin removed|boiled and chopped|chopped|thawed
        sliced against the grain|patted dry|casings removed|bones removed|butterflied|rinsed|well chilled
    """),
)

DAIRY_AND_SAUCES = Kind(
    _words("""
        milk|cheddar cheese|cream cheese|Parmesan cheese|sour cream|chicken broth|mayonnaise|soy sauce|lemon juice
        heavy cream|mozzarella cheese|Worcestershire sauce|buttermilk|whipping cream|tomato sauce|tomato paste
        white wine|Dijon mustard|vinegar|ketchup|beef broth|evaporated milk|yogurt|balsamic vinegar|salsa
        cream of mushroom soup|lime juice|orange juice|feta cheese|Monterey Jack cheese|whipped topping|half-and-half
        red wine|coconut milk|ricotta cheese|Swiss cheese|stock|vegetable broth|hot sauce|red wine vinegar
        sweetened condensed milk|cottage cheese|Tabasco sauce|fish sauce|hoisin sauce|creme fraiche|barbecue sauce
        cider vinegar|goat cheese|rice vinegar|gruyere cheese|apple juice|beer|sherry|enchilada sauce|pesto|oyster sauce
        blue cheese|coffee|brandy|dark rum|Sriracha|ranch dressing|apple cider|ghee|tahini|miso paste
    """),
    _words(
        "cup|cups|tablespoons|ounces|tablespoon|(8 ounce) package|(10 ounce) can|ml|teaspoons|pint|quart|jar|glasses"
    ),
    _words("""
        shredded|grated|low-fat|sharp|fresh|low-sodium|freshly squeezed|plain|dry|light|warm|whole|freshly grated|skim
        cold|full-fat|crumbled|fat-free|reduced-sodium|hot|thick|Greek|prepared|dark|good|condensed|boiling|part-skim
        bottled|homemade|aged
    """),
    _words("""
        softened|divided|shredded|at room temperature|grated|drained|warmed|plus more for serving|undiluted
        cut into cubes|chilled|or more to taste|to serve|for brushing|crumbled|scalded|well shaken|heated|optional
        thawed|lightly whipped|cut in thin slices
    """),
)

KINDS: tuple[tuple[Kind, int], ...] = (
    (SEASONINGS, 28),
    (STAPLES, 26),
    (VEGETABLES, 22),
    (DAIRY_AND_SAUCES, 15),
    (PROTEINS, 9),
)
"""Each kind with the number of ingredients, in a hundred, that are of it."""

PART_AMOUNTS = _words("1|1/2|1/4|3/4|1/3|1|2/3|1/8")
"""Amounts before a unit in the singular."""

AMOUNTS = _words("2|3|4|1 1/2|6|8|2 1/2|1 1/4|5|12|10|3 1/2|1 3/4|24|2-3|4 1/2|7|9|16|14|2 1/4|3-4|15|20")
"""Amounts before a unit in the plural, or before what is counted."""

METRIC_AMOUNTS = _words(
    "100|200|250|50|500|150|300|400|75|125|30|350|450|60|80|120|25|180|225|40|375|600|800|20|175|110"
)
"""Amounts in the units of METRIC."""

METRIC = ("g", "ml")


NOTES = _words("""
    (optional)|(I use a little more)|(or substitute)|(from the deli counter)|(about 2 medium)
    (more or less to your taste)|(see note below)|(homemade or store-bought)|(such as the Italian kind)
    (for the topping)|(if available)|(not too ripe)|(fresh is best, frozen works)|(from a jar)|(about 400 g)
    (the real thing, please)|(any brand)|(use less for a milder taste)
""")

FLAVOURS = _words("""
    Lemon|Garlic|Spicy|Creamy|Chocolate|Baked|Easy|Roasted|Cheesy|Sweet|Grilled|Honey|Apple|Stuffed|Crispy|Quick|Fresh
    Herbed|Coconut|Curried|Smoky|Italian|Mexican|Banana|Pumpkin|Cinnamon|Orange|Southwest|Thai|Fried|Classic|Maple
    Ginger|Tangy|Zesty|Old Fashioned|Low Fat|Vegan|Peanut Butter|Blueberry|Greek|Cranberry|Homemade|Slow Cooker|Country
    French|Cajun|Braised|Lime|Rosemary|Sesame|Strawberry|Healthy|Simple|Indian|Moroccan|Balsamic|Southern|Rustic
    Teriyaki|Caramel|Marinated|Spanish|Warm|Sun-Dried|Whole Wheat|Cold|Golden|Chunky|Festive|Minted|Hungarian|Swedish
    Cuban|Persian|Jamaican|Raspberry|Almond|Mediterranean
""")

MAINS = _words("""
    Chicken|Beef|Potato|Shrimp|Pork|Vegetable|Tomato|Rice|Salmon|Turkey|Black Bean|Mushroom|Spinach|Cheese|Sausage|Corn
    Tuna|Carrot|Broccoli|Zucchini|Ham|Bacon|Lamb|Sweet Potato|Cauliflower|Lentil|Crab|Cabbage|Egg|Noodle|Walnut|Onion
    Chickpea|Peach|Eggplant|Oatmeal|Steak|Cheddar|Pear|Asparagus|Tofu|Fish|Quinoa|Avocado|Green Bean|Pecan|Artichoke
    Kale|Rhubarb|Scallop|Leek
""")

DISHES = _words("""
    Soup|Salad|Casserole|Cake|Pie|Bread|Sauce|Cookies|Muffins|Stew|Chili|Dip|Pasta|Bars|Curry|Pizza|Sandwiches|Chops
    Rolls|Lasagna|Tart|Pancakes|Stir-Fry|Tacos|Burgers|Wraps|Bake|Skillet|Cheesecake|Meatballs|Risotto|Enchiladas
    Pudding|Quiche|Kabobs|Roast|Chowder|Gratin|Dressing|Salsa|Relish|Scones|Biscuits|Squares|Brownies|Fritters|Omelet
    Frittata|Crisp|Cobbler|Quesadillas|Meatloaf|Pilaf|Gumbo|Slaw|Smoothie|Truffles|Dumplings|Crepes|Pot Pie|Parfait
    Goulash|Ragout|Spread|Pate|Puree|Strudel|Jam
""")

COMPANIONS = _words("""
    Rice|Herbs|Garlic|Cheese|Bacon|Mushrooms|Lemon|Basil|Parmesan|Tomatoes|Almonds|Cream Sauce|Spinach|Feta|Walnuts
    Onions|Lime|Brown Butter|Honey|Peppers|Salsa|Ginger|Mint|Cilantro|Potatoes|Raisins|Peanut Sauce|Olives
    Cream Cheese Frosting|Dill|Gravy|Roasted Garlic|Noodles|Chickpeas|Mango Salsa|Caramel Glaze|Cranberries|Thyme|Capers
    Coconut Milk|Polenta|Pine Nuts|Leeks|Sage
""")

OWNERS = _words("""
    Mom's|Grandma's|My|Aunt Betty's|Linda's|Uncle Joe's|Nana's|Dad's|The Best|Our Favorite|Kim's|Mama Rosa's|Barb's
    Julie's|Award-Winning|Chef Paul's|Carol's|Amish|Grandpa's|Sarah's|Mrs. Miller's|Texas|Kittencal's|Weeknight|Ultimate
    World's Best|Amy's|Sunday|Tex-Mex|New Orleans|Restaurant Style|Copycat|Mother's|Dave's|Emily's|New England|Susan's
    Vicki's|Hawaiian|30-Minute|Heavenly|Decadent
""")

OCCASIONS = _words("""
    (Slow Cooker)|(Gluten Free)|for Two|for a Crowd|II|(Low Carb)|(Vegetarian)|for the Grill|from Scratch|(Crock Pot)
    (Diabetic)|(Make Ahead)|- Weight Watchers|on the Barbecue|(Pressure Cooker)|(Dairy Free)|in a Jar|for the Holidays
    III|(Oamc)|for Beginners|(Paleo)|in Foil Packets|(No Bake)|(Bread Machine)|Supreme|Deluxe|a la King
    (Freezer Friendly)|for Thanksgiving|My Way|au Gratin
""")

SLOTS: dict[str, tuple[str, ...]] = {
    "Verb": _words("""
        Add|Stir in|Mix in|Fold in|Sprinkle|Beat in|Pour in|Toss in|Blend in|Whisk in|Spread|Scatter|Drizzle in|Work in
        Layer|Spoon in|Throw in|Arrange|Gradually add|Cut in|Rub in|Gently fold in|Slowly pour in|Drop in|Tip in
        Crumble in|Knead in
    """),
    "Combine": _words("""
        Combine|Mix|Mix together|Stir together|Whisk|Blend|Beat|Toss|Place|Put|Cream|In a bowl, combine|Sift together
        Whisk together|Layer|Process|Pulse|Marinate|Beat together|Thoroughly mix|Lightly toss|Mash|Crush|Knead
    """),
    "Cook": _words("""
        Cook|Bake|Simmer|Saute|Heat|Brown|Fry|Boil|Roast|Grill|Melt|Stir-fry|Steam|Sear|Broil|Warm|Toast|Poach|Braise
        Microwave|Reduce|Blanch|Caramelize|Deep-fry|Slowly cook|Pan-fry|Barbecue|Gently heat|Char|Sweat
    """),
    "Handle": _words("""
        Drain|Chop|Slice|Peel|Remove|Rinse|Cool|Chill|Dice|Season|Cover|Turn|Shred|Mash|Wash|Grate|Crush|Divide|Reserve
        Soak|Discard|Trim|Thaw|Brush|Flatten|Score|Core|Halve|Zest|Pound|Coat|Dust|Pat dry|Julienne|Skim|Strain|Puree
        Squeeze|Quarter|Stuff|Baste
    """),
    "vessel": _words("""
        a large bowl|a saucepan|a large skillet|the pan|a bowl|a small bowl|a food processor|the pot|a large pot
        a medium saucepan|a blender|a baking dish|a mixing bowl|a Dutch oven|the slow cooker|a casserole|a heavy skillet
        a shallow dish|a wok|a roasting pan|a resealable plastic bag|another bowl|a 9x13 inch pan
        the bowl of a stand mixer|a greased loaf pan|a colander|a deep frying pan|a stockpot|a pie plate|a muffin tin
        a glass dish|a small jar|a double boiler|a cast iron pan|a pitcher|a springform pan|a ramekin|a nonstick pan
        a heatproof bowl|the crock pot|a cookie sheet lined with parchment
    """),
    "heat": _words("""
        medium heat|medium-high heat|low heat|high heat|a medium flame|moderate heat|a gentle heat|simmering water
        hot coals|a high flame
    """),
    "number": _words("5|10|2|3|15|20|30|8|4|25|45|12|40|6|35|7|50|60|18|90|22|55|9|28|14"),
    "span": _words("""
        minutes|minutes|minutes|minutes more|to 10 minutes|hours|minutes per side|minutes on each side|or so minutes
        to 40 minutes|minutes or longer|seconds|minutes longer|hours or overnight|additional minutes
    """),
    "temperature": _words("350|375|400|325|425|450|300|180|200|250|275|500|220|160|475|190|230|170"),
    "state": _words("""
        tender|golden brown|smooth|well blended|bubbly|done|hot|light and fluffy|thickened|combined|set|firm
        cooked through|soft|browned|lightly browned|melted|crisp|heated through|creamy|fragrant|no longer pink
        stiff peaks form|doubled in size|translucent|al dente|ready to serve|cool enough to handle|just wilted|crumbly
        opaque|pale and frothy|evenly coated|slightly charred|flaky|chilled|nearly dry|caramelized|fork-tender|shiny
        spongy|amber
    """),
    "until": _words("""
        tender|golden brown|smooth|well blended|bubbly|done|hot|light and fluffy|thickened|combined|set|firm
        cooked through|soft|browned|lightly browned|melted|the sugar dissolves|crisp|heated through|creamy
        it comes to a boil|a toothpick comes out clean|fragrant|the edges pull away|no longer pink|stiff peaks form
        doubled in size|translucent|it thickens|al dente|the liquid is absorbed|ready to serve|cool enough to handle
        it reaches 165 degrees F inside|the cheese melts|just wilted|the juices run clear|it coats the back of a spoon
        crumbly|opaque|it smells wonderful|pale and frothy|evenly coated|slightly charred|flaky|chilled
        the foam subsides|it begins to pop|nearly dry|caramelized|the dough forms a ball|it looks like wet sand
        a crust forms|the flavors marry|you cannot wait any longer|fork-tender|the seeds begin to crackle|shiny
        the skin blisters|spongy|amber
    """),
    "manner": _words("""
        gently|well|constantly|occasionally|thoroughly|slowly|carefully|frequently|lightly|quickly|briefly|evenly
        once or twice|again|vigorously|very gently|by hand|with a wooden spoon|with a fork|at low speed|on high speed
        with an electric mixer|little by little|from time to time|with a rubber spatula|as you like|in batches
        without browning|in a single layer|halfway through|as directed
    """),
    "adjective": _words("""
        remaining|chopped|hot|cooked|prepared|warm|dry|reserved|drained|sliced|cooled|cold|beaten|whole|softened|diced
        toasted|crushed|marinated|grated|fresh|melted|chilled|browned|roasted|shredded|soaked|wet|seasoned|thickened
        crumbled|cleaned|floured|rested
    """),
    "thing": _words("""
        mixture|sauce|batter|dough|pan|filling|meat|vegetables|dressing|liquid|dish|topping|crust|syrup|marinade|broth
        glaze|pieces|fat|juices|soup|edges|top|foil|casserole|noodles|cake|layers|skin|glass|roast|shells|patties
        tortillas|balls|custard|bones|wrappers|frosting|cutlets|loaf|dumplings|gravy|rolls|leaves|skewers|seeds|stems
        base|parchment|crumbs|sheet|wedges|paste|rind|fillets
    """),
    "serve": _words("""
        rice|crusty bread|a green salad|noodles|whipped cream|warm tortillas|ice cream|mashed potatoes
        a dollop of sour cream|crackers|steamed vegetables|lemon wedges|fresh fruit|garlic bread|naan|pita
        baked potatoes|coleslaw|couscous|cold beer|grated cheese|tea|chopped nuts|cornbread|a glass of milk|toast points
        tortilla chips|a sprig of mint|maple syrup|roasted potatoes|raw vegetables
    """),
    "who": _words("""
        my mother|my husband|the kids|everyone|my grandmother|a friend|a neighbor|my family|the original recipe
        our guests|an old cookbook|my sister|a chef in Naples|the lady at the market|people at work|a college roommate
        the church ladies|my aunt from Louisiana|my wife|the butcher|one magazine|a Polish baker|my daughter
        folks down south|the whole street|a reviewer|Julia
    """),
    "deed": _words("""
        loves this|used to add a little more|prefers it mild|asks for this every year|says to skip this step
        makes it the day before|swears by fresh herbs|got this from a newspaper|doubles the garlic|never measures
        likes it extra crunchy|always wants seconds|calls it comfort food|brings it to every picnic
        uses leftovers instead|thinks it needs more salt|won a ribbon with it|taught me that trick|would not share it
        eats it straight from the jar|freezes half for later|adds a secret splash of bourbon
    """),
    "hint": _words("""
        do not overmix|be careful not to burn it|it will be sticky|this takes patience|taste and adjust
        the pan will be hot|stand back|leave some lumps|you may need a bit more|watch it closely|add water if too thick
        save the rest for another use|it freezes well|a little goes a long way|your kitchen will smell great
        keep the lid on|that is what gives the color|frozen ones work, too|cut the recipe in half if you wish
        it keeps for a week in the fridge|wear gloves for this|the texture changes as it cools|resist the urge to stir
        older pans need less time|at high altitude use less|the middle should jiggle|rotate once for even color
    """),
    "shape": _words("""
        1 inch pieces|thin slices|small balls|a ball|cubes|strips|bite-size pieces|squares|wedges|a rectangle|rounds
        patties|thick slices|a log|triangles|four portions|long ribbons|matchsticks|diamonds|a 12 inch circle|coins
        equal parts|florets|a rope|chunks
    """),
    "place": _words("""
        wire rack|serving platter|paper towel|floured board|baking sheet|cutting board|work surface|cookie sheet
        warm plate|damp cloth|clean towel|greased surface|cake stand|sheet of waxed paper|bed of lettuce|hot griddle
        large tray|piece of plastic wrap
    """),
}

TAILS = _words("""
    |until {until}|for {number} {span}||over {heat}|in {vessel}|{manner}|until {until}, {number} {span}|and mix {manner}
    about {number} {span}|over {heat} until {until}|and stir {manner}|with the {adjective} {thing}|, stirring {manner}
    for {number} {span} or until {until}|; {hint}|and set aside|in {vessel} over {heat}|to the {thing}
    , then let stand {number} {span}|, turning {manner}, until {until}|into the {adjective} {thing}
    and cook {manner} until {until}|, making sure the {thing} is {state}|{manner} into {vessel}
""")

SENTENCES = _words("""
    {Verb} {food}|{Verb} the {food} and {food}|{Combine} {food}, {food} and {food}|{Cook} the {food}
    {Verb} {food}, {food}, and {food}|{Handle} the {adjective} {thing}|{Cook} {food} and {food}
    {Combine} the {food} and {food}|Preheat oven to {temperature} degrees F.|{Handle} {food}|{Cook} the {thing}
    {Verb} {adjective} {food}|Serve with {serve}.|Heat {food} in {vessel}|{Verb} the {adjective} {food}|Pour over {food}
    Cover and cook|Cut {food} into {shape}.|{Cook} at {temperature} degrees F|Transfer to a {place}.|Stir {manner}.
    Meanwhile, in {vessel}, combine {food} with {food}.|Bring the {thing} to a boil.|Reduce heat and simmer
    Spread the {thing} over {food}|Shape the {thing} into {shape}.|Remove from {vessel}|Note: {who} {deed}.
    Let the {thing} rest|Place {food} on a {place}.|Top with {food}.|Using {vessel}, mash the {food}
    Make a well in the {thing} and add {food}.|Roll into {shape}.|When {state}, add the {food}|Turn out onto a {place}.
    If the {thing} is not {state}, wait {number} {span}.|Garnish with {food} or {serve}.|Line {vessel} with {thing}.
    {Handle} the {thing} with {food}|Be sure the {thing} is {state}.|Divide among {number} plates.|Grease {vessel}.
    Since {who} {deed}, {hint}.
""")
"""Patterns of sentences; one without its full stop is continued by one of TAILS."""

CLOSINGS = _words("""
    Enjoy!|Chill.|Serve.|Cool.|Serve hot.|Stir well.|Drain well.|Serve warm.|Mix well.|Let cool.|Season to taste.
    Set aside.|Serve at once.|Serve chilled.|Enjoy with tea.|Garnish and serve.|Serve immediately.|Cool on wire racks.
    Slice and serve warm.|Sprinkle with parsley.|Store in the freezer.|Makes about 24 cookies.|Refrigerate until firm.
    Cover and refrigerate.|Keeps well for a few days.|Taste and adjust seasoning.|Serve over hot cooked rice.
    Add more salt, if you like.|Cut into squares when cool.|Serve with lemon on the side.
    Cool completely before slicing.|Store in an airtight container.|Let stand 10 minutes and carve.
    Sprinkle with the rest and serve.|Garnish with parsley and serve hot.|Chill for at least two hours or more.
    Spoon the pan juices over each plate.|Leftovers taste even better the next day.
    Dust with sugar just before you serve it.|Serve in warm bowls with plenty of bread.
    Cover tightly and keep in the refrigerator.|Let it rest a little before you cut into it.
    Freeze whatever you do not eat the same day.|Remove the bay leaf and adjust the salt at the end.
    Serve hot, straight from the pan, with a salad.|Spoon into jars, seal, and keep in a cool, dark place.
    Let cool in the pan before you turn it out and slice.|Arrange on a large platter and bring to the table hot.
""")

ACCENTED: tuple[tuple[str, str], ...] = (
    ("1/2", "½"),
    ("1/4", "¼"),
    ("3/4", "¾"),
    (" degrees F", "°F"),
    ("aute", "auté"),
    ("Puree", "Purée"),
    ("jalapeno", "jalapeño"),
    ("Crepes", "Crêpes"),
    ("Pate", "Pâté"),
    ("creme fraiche", "crème fraîche"),
    ("gruyere", "gruyère"),
    ("'s", "’s"),
    (" a la ", " à la "),
    ("9x13", "9×13"),
)
"""Non-ASCII spellings."""
